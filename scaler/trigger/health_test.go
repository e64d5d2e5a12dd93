package trigger

import "testing"

// TestHealthCheckRules: each mode wants its path.
func TestHealthCheckRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"healthcheckResponse": "static"}, []string{
			`trigger 0: healthcheckPath is missing; healthcheckResponse "static" needs the path of the health check`,
		}},
		{changes{"healthcheckResponse": "teapot"}, []string{
			`trigger 0: healthcheckResponse "teapot" is not known; use passthrough, static or pathEmbeddedHost`,
		}},
		{changes{"healthcheckPath": "healthz"}, []string{
			`trigger 0: healthcheckPath "healthz" does not start with a slash; write "/healthz"`,
		}},
		{changes{"healthcheckResponse": "pathEmbeddedHost"}, []string{
			`trigger 0: healthcheckPathPrefix is missing; healthcheckResponse "pathEmbeddedHost" needs it, like "/kedify-proxy/www.example.com"`,
		}},
		{changes{"healthcheckResponse": "pathEmbeddedHost", "healthcheckPathPrefix": "/"}, []string{
			`trigger 0: healthcheckPathPrefix "/" would take every request of every host; use one like "/kedify-proxy/www.example.com"`,
		}},
		{changes{"healthcheckResponse": "pathEmbeddedHost", "healthcheckPathPrefix": "p"}, []string{
			`trigger 0: healthcheckPathPrefix "p" does not start with a slash; write "/p"`,
		}},
		{changes{"healthcheckPathPrefix": "/p"}, []string{
			`trigger 0: healthcheckPathPrefix "/p" goes with healthcheckResponse "pathEmbeddedHost" only; set it, or use healthcheckPath`,
		}},
		{changes{"healthcheckResponse": "static", "healthcheckPath": "/h", "healthcheckPathPrefix": "/p"}, []string{
			`trigger 0: healthcheckPathPrefix "/p" goes with healthcheckResponse "pathEmbeddedHost" only; set it, or use healthcheckPath`,
		}},
		{changes{"healthcheckResponse": "pathEmbeddedHost", "healthcheckPathPrefix": "/p", "healthcheckPath": "/h"}, []string{
			`warning: trigger 0: healthcheckPath has no effect with healthcheckResponse pathEmbeddedHost; remove it`,
		}},
	})
}
