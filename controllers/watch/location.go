package watch

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
)

// location is the namespace that the requests of one informer are about. A cache of controller-runtime has an informer for each of its
// namespaces, and says to cache.Options.NewInformer for none of which it is: their requests do.
type location struct{ found atomic.Value }

// locationKey is the key of a *location in the context of a request.
type locationKey struct{}

// learn has a request that is made in this context say where it goes.
func (l *location) learn(ctx context.Context) context.Context {
	return context.WithValue(ctx, locationKey{}, l)
}

// namespace is empty when the requests are about all namespaces, or the kind has none.
func (l *location) namespace() string {
	found, _ := l.found.Load().(string)
	return found
}

// locating tells the location in the context of a request.
func locating(next http.RoundTripper) http.RoundTripper { return locator{next} }

type locator struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l locator) RoundTrip(request *http.Request) (*http.Response, error) {
	if of, is := request.Context().Value(locationKey{}).(*location); is {
		of.found.Store(namespaceOf(request.URL.Path))
	}
	return l.RoundTripper.RoundTrip(request)
}

// namespaceOf reads the path of a collection: <server>/apis/<group>/<version>/namespaces/<namespace>/<resource>.
func namespaceOf(path string) string {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(segments) < 3 || segments[len(segments)-3] != "namespaces" {
		return ""
	}
	return segments[len(segments)-2]
}
