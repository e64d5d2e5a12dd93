package trigger

import (
	"strings"
	"testing"
)

// TestHostsRules: hosts are required, DNS names, trimmed and in lower case (T02, decisions 12 and 17).
func TestHostsRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"hosts": "-"}, []string{
			`trigger 0: hosts is missing; list the host names of the application, like www.example.com`,
		}},
		{changes{"hosts": " "}, []string{
			`trigger 0: hosts is missing; list the host names of the application, like www.example.com`,
		}},
		{changes{"hosts": "a.test,,b.test"}, []string{
			`trigger 0: hosts "a.test,,b.test" has an empty item; remove the comma that is too many`,
		}},
		{changes{"hosts": ","}, []string{
			`trigger 0: hosts "," has an empty item; remove the comma that is too many`,
		}},
		{changes{"hosts": "a.test, A.test"}, []string{
			`warning: trigger 0: hosts has "a.test" twice; remove one`,
		}},
		{changes{"hosts": "http://a.test"}, []string{
			`trigger 0: hosts item "http://a.test" is not a host name alone; remove scheme and path`,
		}},
		{changes{"hosts": "a.test/x"}, []string{
			`trigger 0: hosts item "a.test/x" is not a host name alone; remove scheme and path`,
		}},
		{changes{"hosts": "a.test:8080"}, []string{
			`trigger 0: hosts item "a.test:8080" has a port; remove it: the name takes requests for any port`,
		}},
		{changes{"hosts": "a.test."}, []string{
			`trigger 0: hosts item "a.test." ends with a dot; remove it`,
		}},
		{changes{"hosts": "grün.test"}, []string{
			`trigger 0: hosts item "grün.test" is not ASCII; write an international name in its xn-- form`,
		}},
		{changes{"hosts": "K.test"}, []string{
			`trigger 0: hosts item "K.test" is not ASCII; write an international name in its xn-- form`,
		}},
		{changes{"hosts": "a_b.test"}, []string{
			`trigger 0: hosts item "a_b.test" is not a DNS name; use one like www.example.com, *.example.com or *`,
		}},
		{changes{"hosts": "a.*.test"}, []string{
			`trigger 0: hosts item "a.*.test" is not a DNS name; use one like www.example.com, *.example.com or *`,
		}},
		{changes{"hosts": "*a.test"}, []string{
			`trigger 0: hosts item "*a.test" is not a DNS name; use one like www.example.com, *.example.com or *`,
		}},
		{changes{"hosts": "a.test, b_.test, c..test"}, []string{
			`trigger 0: hosts item "b_.test" is not a DNS name; use one like www.example.com, *.example.com or *`,
			`trigger 0: hosts item "c..test" is not a DNS name; use one like www.example.com, *.example.com or *`,
		}},
		{changes{"hosts": "*,a.test"}, []string{
			`trigger 0: hosts has "*" beside other names, which it includes; keep one or the other`,
		}},
		{changes{"hosts": strings.Repeat("a.test,", 16) + "a.test"}, []string{
			`trigger 0: hosts has 17 items and the limit is 16; write fewer, or make several triggers`,
		}},
		{changes{"hosts": strings.Repeat("a", 64) + ".test"}, []string{
			`trigger 0: hosts item "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test" ` +
				`is not a DNS name; use one like www.example.com, *.example.com or *`,
		}},
		{changes{"hosts": strings.Repeat("a.", 127) + "test"}, []string{
			`trigger 0: hosts item "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."... ` +
				`is not a DNS name; use one like www.example.com, *.example.com or *`,
		}},
	})
}

// TestPathPrefixesRules: a generated route takes each of them.
func TestPathPrefixesRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"pathPrefixes": "foo"}, []string{
			`trigger 0: pathPrefixes item "foo" does not start with a slash; write "/foo"`,
		}},
		{changes{"pathPrefixes": "/a,,/b"}, []string{
			`trigger 0: pathPrefixes "/a,,/b" has an empty item; remove the comma that is too many`,
		}},
		{changes{"pathPrefixes": "/a, /a/"}, []string{
			`warning: trigger 0: pathPrefixes has "/a" twice; remove one`,
		}},
		{changes{"pathPrefixes": "/a?b"}, []string{
			`trigger 0: pathPrefixes item "/a?b" has a query or fragment; write the path alone`,
		}},
		{changes{"pathPrefixes": "/a#b"}, []string{
			`trigger 0: pathPrefixes item "/a#b" has a query or fragment; write the path alone`,
		}},
		{changes{"pathPrefixes": "/a%2Fb"}, []string{
			`trigger 0: pathPrefixes item "/a%2Fb" has an encoded slash; write a plain one`,
		}},
		{changes{"pathPrefixes": "/a//b"}, []string{
			`trigger 0: pathPrefixes item "/a//b" has an empty segment; write one slash`,
		}},
		{changes{"pathPrefixes": "/a//"}, []string{
			`trigger 0: pathPrefixes item "/a//" has an empty segment; write one slash`,
		}},
		{changes{"pathPrefixes": "/a/../b"}, []string{
			`trigger 0: pathPrefixes item "/a/../b" has a segment . or ..; write the path that is meant`,
		}},
		{changes{"pathPrefixes": "/a/."}, []string{
			`trigger 0: pathPrefixes item "/a/." has a segment . or ..; write the path that is meant`,
		}},
		{changes{"pathPrefixes": "/a b"}, []string{
			`trigger 0: pathPrefixes item "/a b" has a character that no path has; write it in its percent-encoded form`,
		}},
		{changes{"pathPrefixes": "/a%zz"}, []string{
			`trigger 0: pathPrefixes item "/a%zz" has a character that no path has; write it in its percent-encoded form`,
		}},
		{changes{"pathPrefixes": "/" + strings.Repeat("a", 1024)}, []string{
			`trigger 0: pathPrefixes item "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"... ` +
				`is longer than 1024 bytes; shorten it`,
		}},
		{changes{"pathPrefixes": strings.Repeat("/a,", 64) + "/b"}, []string{
			`trigger 0: pathPrefixes has 65 items and the limit is 64; write fewer, or make several triggers`,
		}},
	})
}

// TestS7AsterisksOfPaths: patterns of an Ingress are taken as they stand, and a warning says what is meant.
func TestS7AsterisksOfPaths(t *testing.T) {
	item := func(written, meant string) string {
		return `warning: trigger 0: pathPrefixes item "` + written + `" has an asterisk, which matches itself alone; write "` + meant +
			`", which matches everything below`
	}
	wantRules(t, []rule{
		{changes{"pathPrefixes": "/api/*"}, []string{item("/api/*", "/api")}},
		{changes{"pathPrefixes": "/api*"}, []string{item("/api*", "/")}},
		{changes{"pathPrefixes": "/*"}, []string{item("/*", "/")}},
		{changes{"pathPrefixes": "/a/b/**, /c/*/d/"}, []string{item("/a/b/**", "/a/b"), item("/c/*/d", "/c")}},
		{changes{"pathPrefixes": "/v1/(.*)"}, []string{item("/v1/(.*)", "/v1")}},
		{changes{"healthcheckPath": "/health*"}, []string{
			`warning: trigger 0: healthcheckPath "/health*" has an asterisk, which matches itself alone; write the path that requests have`,
		}},
	})
}

// TestG3PathsOfTriggers: a path is kept in the form in which the proxy sees those of requests, so that
// two spellings are one path.
func TestG3PathsOfTriggers(t *testing.T) {
	for written, want := range map[string]string{
		"/%41bc": "/Abc", "/%7ejoe/": "/~joe", "/caf%c3%a9": "/caf%C3%A9", "/a%20b": "/a%20b", "/x%2Ey": "/x.y", "/v1/%5fmodels": "/v1/_models",
	} {
		spec := accepted(t, shop(httpTrigger(changes{"pathPrefixes": written, "healthcheckPath": written})))
		if got := spec.PathPrefixes[0]; got != want {
			t.Errorf("pathPrefixes %s is %s, want %s", written, got, want)
		}
		if got := strings.TrimSuffix(spec.HealthCheck.Path, "/"); got != want {
			t.Errorf("healthcheckPath %s is %s, want %s", written, got, want)
		}
	}
	wantRules(t, []rule{
		{changes{"pathPrefixes": "/a/%2e%2E/b"}, []string{
			`trigger 0: pathPrefixes item "/a/../b" has a segment . or ..; write the path that is meant`,
		}},
		{changes{"pathPrefixes": "/a/%2E"}, []string{
			`trigger 0: pathPrefixes item "/a/." has a segment . or ..; write the path that is meant`,
		}},
		{changes{"pathPrefixes": "/a%2fb"}, []string{
			`trigger 0: pathPrefixes item "/a%2Fb" has an encoded slash; write a plain one`,
		}},
		{changes{"pathPrefixes": "/~joe, /%7Ejoe"}, []string{
			`warning: trigger 0: pathPrefixes has "/~joe" twice; remove one`,
		}},
	})
}
