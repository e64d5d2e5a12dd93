package streams

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/wiring/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var proxy = types.NamespacedName{Namespace: "shop", Name: "kedify-proxy"}

// says is the answer of a controller that knows the proxies of namespace shop.
func says(connected, accepting int) debug.Streams {
	return debug.Streams{Ready: true, Gateways: []debug.ProxyStreams{
		{Gateway: debug.Key(proxy), Ready: true, Connected: connected, Accepting: accepting},
		{Gateway: debug.Key{Namespace: "other", Name: "kedify-proxy"}, Ready: true},
	}}
}

// TestJudge: not ready takes the word of every controller; one that says nothing may be the one that the
// proxies follow.
func TestJudge(t *testing.T) {
	silent, starting := debug.Streams{}, debug.Streams{Gateways: says(0, 0).Gateways}
	foreign := debug.Streams{Ready: true, Gateways: says(1, 1).Gateways[1:]}
	unpublished := says(1, 0)
	unpublished.Gateways[0].Ready = false
	for name, c := range map[string]struct {
		said []debug.Streams
		want health.State
	}{
		"no controller":                 {nil, health.Unknown},
		"one accepts":                   {[]debug.Streams{says(1, 1)}, health.Ready},
		"one of two accepts":            {[]debug.Streams{says(2, 1)}, health.Ready},
		"at the other controller":       {[]debug.Streams{says(0, 0), says(1, 1)}, health.Ready},
		"none is connected":             {[]debug.Streams{says(0, 0), says(0, 0)}, health.NotReady},
		"connected and silent":          {[]debug.Streams{says(2, 0)}, health.NotReady},
		"one controller says nothing":   {[]debug.Streams{says(0, 0), silent}, health.Unknown},
		"one accepts, one says nothing": {[]debug.Streams{silent, says(1, 1)}, health.Ready},
		"one controller starts":         {[]debug.Streams{says(0, 0), starting}, health.Unknown},
		"one does not know the Gateway": {[]debug.Streams{says(0, 0), foreign}, health.Unknown},
		"nothing was published there":   {[]debug.Streams{unpublished}, health.Unknown},
		"no controller knows anything":  {[]debug.Streams{silent, silent}, health.Unknown},
		"the proxies of others are fine": {[]debug.Streams{says(0, 0), {Ready: true, Gateways: append(foreign.Gateways, says(0, 0).Gateways[0])}},
			health.NotReady},
	} {
		t.Run(name, func(t *testing.T) {
			var answers []answer
			for _, said := range c.said {
				answers = append(answers, answerOf(said))
			}
			if got := judge(answers, proxy); got != c.want {
				t.Errorf("state %v, want %v", got, c.want)
			}
		})
	}
}

// TestAddresses: ready controllers at the port of their metrics; the standby for KEDA is none.
func TestAddresses(t *testing.T) {
	endpoint := func(ip string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	}
	port := func(name string, number int32) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: ptr.To(name), Port: ptr.To(number)}
	}
	ports := []discoveryv1.EndpointPort{port("grpc-xds", 18000), port("metrics", 8080)}
	got := Addresses([]*discoveryv1.EndpointSlice{
		{AddressType: discoveryv1.AddressTypeIPv6, Ports: ports, Endpoints: []discoveryv1.Endpoint{endpoint("fd00::1", ptr.To(true))}},
		{AddressType: discoveryv1.AddressTypeIPv4, Ports: ports, Endpoints: []discoveryv1.Endpoint{
			endpoint("10.0.0.2", nil), endpoint("10.0.0.1", ptr.To(true)), endpoint("10.0.0.3", ptr.To(false)), {},
		}},
		{AddressType: discoveryv1.AddressTypeIPv4, Ports: ports, Endpoints: []discoveryv1.Endpoint{endpoint("10.0.0.1", ptr.To(true))}},
		{AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{port("grpc-keda", 9090)},
			Endpoints: []discoveryv1.Endpoint{endpoint("10.0.0.9", ptr.To(true))}},
		{AddressType: discoveryv1.AddressTypeFQDN, Ports: ports, Endpoints: []discoveryv1.Endpoint{endpoint("a.example.com", ptr.To(true))}},
	})
	if want := []string{"10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"}; !slices.Equal(got, want) {
		t.Errorf("addresses %q, want %q", got, want)
	}
}

// controller answers as one does, until it is told otherwise.
type controller struct {
	*httptest.Server
	mu   sync.Mutex
	said any
}

func newController(t *testing.T) *controller {
	c := &controller{said: says(1, 1)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.URL.Path != "/status/proxies" || r.Method != http.MethodGet || c.said == nil {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(c.said)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *controller) says(said any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = said
}

// TestPoller: the state follows what the controllers say within a second, and what cannot be asked or was
// said some seconds ago is unknown.
func TestPoller(t *testing.T) {
	g := gomega.NewWithT(t)
	time0 := clocktesting.NewFakeClock(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	one, two := newController(t), newController(t)
	var mu sync.Mutex
	addresses := []string{strings.TrimPrefix(one.URL, "http://"), strings.TrimPrefix(two.URL, "http://")}
	ask := func(whom ...string) {
		mu.Lock()
		defer mu.Unlock()
		addresses = whom
	}
	both := addresses
	changes := make(chan types.NamespacedName, 100)
	poller := New(Options{
		Clock: time0,
		Changed: func(gateway types.NamespacedName) {
			if gateway == proxy {
				changes <- gateway
			}
		},
		Controllers: func() []string {
			mu.Lock()
			defer mu.Unlock()
			return addresses
		},
	})
	if got := poller.State(proxy); got != health.Unknown {
		t.Errorf("before the first round: state %v", got)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- poller.Run(ctx) }()
	var told health.State
	want := func(what string, state health.State) {
		t.Helper()
		g.Eventually(func() health.State { return poller.State(proxy) }, "10s").Should(gomega.Equal(state), what)
		if state != told {
			g.Eventually(changes, "10s").Should(gomega.Receive(gomega.Equal(proxy)), what)
		}
		g.Eventually(time0.HasWaiters, "10s").Should(gomega.BeTrue())
		g.Expect(changes).NotTo(gomega.Receive(), what)
		told = state
	}
	want("both accept", health.Ready)
	for _, step := range []struct {
		what     string
		one, two any
		want     health.State
	}{
		{"none accepts", says(0, 0), says(1, 0), health.NotReady},
		{"one refuses to answer", says(0, 0), nil, health.Unknown},
		{"one accepts again", says(1, 1), says(1, 0), health.Ready},
		{"one answers something else", says(0, 0), "no streams", health.Unknown},
		{"none is connected", says(0, 0), says(0, 0), health.NotReady},
	} {
		one.says(step.one)
		two.says(step.two)
		time0.Step(interval)
		want(step.what, step.want)
	}
	ask()
	time0.Step(interval)
	want("no controller is ready", health.Unknown)
	ask(both...)
	time0.Step(interval)
	want("both are back", health.NotReady)
	ask(slices.Repeat(both[:1], maxControllers+1)...)
	time0.Step(interval)
	want("too many controllers", health.Unknown)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestOldAnswers: what was said some seconds ago is unknown.
func TestOldAnswers(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	controller := newController(t)
	poller := New(Options{Clock: clock, Controllers: func() []string { return []string{strings.TrimPrefix(controller.URL, "http://")} }})
	poller.round(t.Context())
	clock.Step(lastsFor)
	if got := poller.State(proxy); got != health.Ready {
		t.Errorf("state %v after %v", got, lastsFor)
	}
	clock.Step(1)
	if got := poller.State(proxy); got != health.Unknown {
		t.Errorf("state %v after more than %v", got, lastsFor)
	}
}

// TestX4TokenOpensTheView: a controller answers callers with a token; the file is read for each round, because
// Kubernetes replaces it, and without a token no controller is asked.
func TestX4TokenOpensTheView(t *testing.T) {
	token, failure := "first", error(nil)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(says(1, 1))
	}))
	defer server.Close()
	shown := "first"
	poller := New(Options{
		Controllers: func() []string { return []string{strings.TrimPrefix(server.URL, "http://")} },
		Token:       func() (string, error) { return shown, failure },
		Clock:       clocktesting.NewFakeClock(time.Now()),
	})
	for _, c := range []struct {
		title string
		set   func()
		want  health.State
		asked int
	}{
		{"shown", func() {}, health.Ready, 1},
		{"refused", func() { token = "second" }, health.Unknown, 2},
		{"replaced", func() { shown = "second" }, health.Ready, 3},
		{"unreadable", func() { failure = errors.New("no such file") }, health.Unknown, 3},
	} {
		c.set()
		poller.round(t.Context())
		if got := poller.State(proxy); got != c.want || asked != c.asked {
			t.Errorf("%s: state %v after %d questions, want %v after %d", c.title, got, asked, c.want, c.asked)
		}
	}
}
