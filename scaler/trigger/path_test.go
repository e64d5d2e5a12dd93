package trigger

import (
	"strings"
	"testing"
)

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
			`trigger 0: pathPrefixes item "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"... is longer than 1024 bytes; shorten it`,
		}},
		{changes{"pathPrefixes": strings.Repeat("/a,", 64) + "/b"}, []string{
			`trigger 0: pathPrefixes has 65 items and the limit is 64; write fewer, or make several triggers`,
		}},
	})
}
