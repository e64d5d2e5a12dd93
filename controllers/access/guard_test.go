package access

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// token is one as Kubernetes makes them, for an audience.
func token(audience string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":["`+audience+`"]}`)) + ".c2ln"
}

// rig is a Guard before a view, with an API server that knows the tokens of a reader and of a stranger.
type rig struct {
	clock   *clocktesting.FakeClock
	guard   *Guard
	handler http.Handler
	reviews []string
	away    error
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{clock: clocktesting.NewFakeClock(time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC))}
	users := map[string]string{token(Audience): "reader", token("https://kubernetes.default.svc"): "reader", "opaque": "stranger"}
	api := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			if r.away != nil {
				return r.away
			}
			switch review := object.(type) {
			case *authenticationv1.TokenReview:
				r.reviews = append(r.reviews, fmt.Sprint("token ", review.Spec.Audiences))
				name, known := users[review.Spec.Token]
				review.Status.Authenticated, review.Status.User.Username = known, name
				review.Status.Audiences = review.Spec.Audiences
			case *authorizationv1.SubjectAccessReview:
				at := review.Spec.NonResourceAttributes
				r.reviews = append(r.reviews, review.Spec.User+" "+at.Verb+" "+at.Path)
				review.Status.Allowed = review.Spec.User == "reader" && at.Path != "/xds"
			}
			return nil
		},
	})
	r.guard = New(Options{Client: api, Clock: r.clock, Log: logr.Discard()})
	r.handler = r.guard.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "all tenants") }))
	return r
}

// ask returns the status and whether the view was shown.
func (r *rig) ask(t *testing.T, method, path, authorization string) int {
	t.Helper()
	question := httptest.NewRequest(method, path, nil)
	if authorization != "" {
		question.Header.Set("Authorization", authorization)
	}
	answer := httptest.NewRecorder()
	r.handler.ServeHTTP(answer, question)
	if shown := strings.Contains(answer.Body.String(), "tenants"); shown != (answer.Code == http.StatusOK) {
		t.Errorf("%s %s %s: %d %q", method, path, authorization, answer.Code, answer.Body)
	}
	return answer.Code
}

// TestX4StrangersReadNoView: only a user whom the roles of the cluster let get the path sees the view.
func TestX4StrangersReadNoView(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"GET", "/demand", "", 401},
		{"GET", "/demand", "Bearer ", 401},
		{"GET", "/demand", "Bearer forged", 401},
		{"GET", "/demand", "Basic " + token(Audience), 401},
		{"GET", "/demand", "Bearer " + strings.Repeat("a", maxToken+1), 401},
		{"GET", "/demand", "Bearer opaque", 403},
		{"POST", "/demand", "Bearer " + token(Audience), 405},
		{"GET", "/demand", "Bearer " + token(Audience), 200},
		{"GET", "/demand", "Bearer " + token("https://kubernetes.default.svc"), 200},
		{"GET", "/xds", "Bearer " + token(Audience), 403},
	} {
		if got := r.ask(t, c.method, c.path, c.authorization); got != c.want {
			t.Errorf("%s %s %.40s: %d, want %d", c.method, c.path, c.authorization, got, c.want)
		}
	}
	for _, want := range []string{"token [kedify-gateway]", "token []", "reader get /demand", "reader get /xds"} {
		if !slices.Contains(r.reviews, want) {
			t.Errorf("no review %q among %q", want, r.reviews)
		}
	}
}

// Decisions count for a minute; without the API server, one that allowed counts for ten.
func TestX4ReadersOutliveTheAPIServer(t *testing.T) {
	r := newRig(t)
	reader := "Bearer " + token(Audience)
	for range 50 {
		if got := r.ask(t, "GET", "/demand", reader); got != 200 {
			t.Fatal(got)
		}
	}
	if len(r.reviews) != 2 {
		t.Errorf("reviews %q", r.reviews)
	}
	r.away = errors.New("the API server is away")
	for _, c := range []struct {
		after         time.Duration
		authorization string
		want          int
	}{{fresh, reader, 200}, {lasting - fresh - time.Second, reader, 200}, {time.Second, reader, 503}, {0, "Bearer opaque", 503}} {
		r.clock.Step(c.after)
		if got := r.ask(t, "GET", "/demand", c.authorization); got != c.want {
			t.Errorf("after %s more: %d, want %d", c.after, got, c.want)
		}
	}
}

// A flood of forged tokens is not handed on to the API server, and pushes no reader out.
func TestX4FloodOfTokens(t *testing.T) {
	r := newRig(t)
	reader := "Bearer " + token(Audience)
	r.ask(t, "GET", "/demand", reader)
	r.reviews = nil
	for i := range 2 * maxDecisions {
		r.ask(t, "GET", "/demand", fmt.Sprint("Bearer forged", i))
	}
	if len(r.reviews) > reviewBurst {
		t.Errorf("%d reviews at one instant", len(r.reviews))
	}
	r.clock.Step(fresh)
	for i := range 2 * reviewBurst {
		r.ask(t, "GET", "/demand", fmt.Sprint("Bearer more", i))
	}
	if got := r.ask(t, "GET", "/demand", reader); got != 200 {
		t.Errorf("the reader gets %d", got)
	}
	for i := range 4 * maxDecisions {
		r.clock.Step(time.Second / reviewRate)
		r.ask(t, "GET", "/demand", fmt.Sprint("Bearer slow", i))
		if i%1000 == 0 {
			r.ask(t, "GET", "/demand", reader)
		}
	}
	r.guard.mu.Lock()
	defer r.guard.mu.Unlock()
	if len(r.guard.decisions) > maxDecisions {
		t.Errorf("%d decisions are kept", len(r.guard.decisions))
	}
}
