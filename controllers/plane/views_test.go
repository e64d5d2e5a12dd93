package plane_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/kedify/inference-gateway/controllers/plane"
)

// TestX4ViewsAreProtected: what the port of the metrics serves besides them takes a token.
func TestX4ViewsAreProtected(t *testing.T) {
	c := newCluster(t)
	r := c.leader("127.0.0.1")
	views := r.ProtectedViews()
	for _, path := range plane.ViewPaths() {
		answer := httptest.NewRecorder()
		views[path].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusUnauthorized {
			t.Errorf("%s answers %d %q", path, answer.Code, answer.Body)
		}
	}
}
