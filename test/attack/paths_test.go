package attack

import (
	"net/http"
	"testing"
)

// detour is a path that may mean /app/admin to a backend. The rule of /app/admin redirects to a login.
type detour struct {
	name, path string
	// unchanged: the backend sees it byte by byte. Otherwise it is guarded or refused.
	unchanged bool
}

// detours: a path that is /app/admin by RFC 3986 is guarded like it. One that is not reaches the backend byte by byte, so
// that nothing but the backend can make it one.
var detours = []detour{
	{name: "plain", path: "/app/admin"},
	{name: "encoded letter", path: "/app/%61dmin"},
	{name: "encoded letters", path: "/%61pp/%61%64%6D%69%6e"},
	{name: "dot", path: "/app/./admin"},
	{name: "dots", path: "/app/x/../admin"},
	{name: "dots above the root", path: "/../../app/admin"},
	{name: "encoded dot", path: "/app/%2e/admin"},
	{name: "encoded dots", path: "/app/x/%2e%2e/admin"},
	{name: "half encoded dots", path: "/app/x/.%2E/admin"},
	{name: "backslashes", path: "/app\\admin"},
	{name: "backslashes and dots", path: "/app/x\\..\\admin"},
	{name: "dots out of the prefix", path: "/app/../app/admin"},
	{name: "query behind", path: "/app/admin?x=/app"},
	{name: "slash behind", path: "/app/admin/"},
	{name: "fragment", path: "/app/admin#x"},
	{name: "fragment before", path: "/app#/../admin"},
	{name: "NUL", path: "/app/\x00admin"},
	{name: "encoded NUL", path: "/app/admin%00"},
	{name: "broken escape", path: "/app/%zzadmin", unchanged: true},
	{name: "half an escape", path: "/app/x/admin%", unchanged: true},
	{name: "twice encoded dots", path: "/app/x/%252e%252e/admin", unchanged: true},
	{name: "twice encoded letter", path: "/app/%2561dmin", unchanged: true},
	{name: "two slashes", path: "/app//admin", unchanged: true},
	{name: "encoded slash", path: "/app%2fadmin"},
	{name: "encoded slash behind the prefix", path: "/app/x%2f..%2fadmin", unchanged: true},
	{name: "encoded backslash", path: "/app/x%5c..%5cadmin", unchanged: true},
	{name: "parameter", path: "/app/;/admin", unchanged: true},
	{name: "parameter of a segment", path: "/app;x/admin"},
	{name: "parameter and dots", path: "/app/x/..;/admin"},
	{name: "overlong dots", path: "/app/x/%c0%ae%c0%ae/admin", unchanged: true},
	{name: "overlong slash", path: "/app/x/..%c0%afadmin", unchanged: true},
	{name: "wide slash", path: "/app/x/..%ef%bc%8fadmin", unchanged: true},
	{name: "capitals", path: "/app/ADMIN", unchanged: true},
	{name: "space behind", path: "/app/admin%20", unchanged: true},
}

// testPaths: no spelling of a path goes around the rule of a longer prefix.
func (s *site) testPaths(t *testing.T) {
	for _, d := range detours {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			mark := markOf("path " + d.name)
			row := raw{bytes: "GET " + d.path + " HTTP/1.1\r\nHost: guard.test\r\nX-Mark: {mark}\r\nConnection: close\r\n\r\n"}
			replies := row.send(t, dial(t, s.address), mark)
			s.judge(t, mark)
			seen := s.mine.saw(mark)
			switch {
			case len(replies) > 1:
				t.Errorf("answers %+v", replies)
			case d.unchanged && !seen:
				t.Errorf("the backend sees nothing; answers %+v", replies)
			case d.unchanged && !s.mine.saw("GET "+d.path+" HTTP/1.1\r\n"):
				t.Errorf("the backend sees another path; answers %+v", replies)
			case !d.unchanged && seen:
				t.Errorf("the backend sees it; answers %+v", replies)
			case !d.unchanged && len(replies) == 1 && replies[0].status != http.StatusFound && replies[0].status/100 != 4:
				t.Errorf("answers %+v", replies)
			}
		})
	}
}
