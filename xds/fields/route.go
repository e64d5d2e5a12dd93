package fields

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Stated says what a rule decides itself: it is nearer to its requests than the fields of a Gateway.
type Stated struct {
	// Timeout, Attempt: of the request, and of one attempt. Idle: silence. Retry: whether and how.
	Timeout, Attempt, Idle, Retry bool
}

// Route is fields of RouteAction, read once for many routes.
type Route struct {
	message *routev3.RouteAction
	values  map[string]any
}

// ReadRoute reads a RouteText.
func ReadRoute(text string) (Route, error) {
	if text == "" {
		return Route{}, nil
	}
	values, message, err := routeKind.read([]byte(text))
	if err != nil {
		return Route{}, fmt.Errorf("fields of RouteAction: %w", err)
	}
	return Route{message: message.(*routev3.RouteAction), values: values}, nil
}

// Sets reports whether the user set a field.
func (r Route) Sets(name string) bool {
	_, written := r.values[name]
	return written
}

// Over lays the fields over a rendered RouteAction, except those that its rule states.
func (r Route) Over(action *routev3.RouteAction, stated Stated) {
	if len(r.values) == 0 {
		return
	}
	product := action.GetRetryPolicy().GetRetryOn()
	values := r.unstated(stated)
	overlay(action.ProtoReflect(), r.message.ProtoReflect(), values)
	if _, retries := values[retryPolicy]; retries {
		action.RetryPolicy.RetryOn = union(action.RetryPolicy.RetryOn, product)
	}
}

const retryPolicy = "retry_policy"

func (r Route) unstated(stated Stated) map[string]any {
	values := maps.Clone(r.values)
	for name, states := range map[string]bool{
		"timeout": stated.Timeout, "max_stream_duration": stated.Timeout, "idle_timeout": stated.Idle, retryPolicy: stated.Retry,
	} {
		if states {
			delete(values, name)
		}
	}
	if retry, ok := values[retryPolicy].(map[string]any); ok && stated.Attempt {
		retry = maps.Clone(retry)
		delete(retry, "per_try_timeout")
		values[retryPolicy] = retry
	}
	return values
}

// union has the words of both lists: a retry that the product needs, of a connection that an endpoint
// which has just gone refuses, is not lost with a retry_on of the user.
func union(own, product string) string {
	words := strings.Split(own, ",")
	for _, word := range strings.Split(product, ",") {
		if word != "" && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}
