package hold_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/metadata"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/translate"
)

// browser is what a browser sends that opens a page.
var browser = []string{":method", "GET", ":path", "/", "accept", "text/html,application/xhtml+xml", "sec-fetch-mode", "navigate"}

// Only a browser gets the waiting page, only while there is no endpoint, and its request is
// demand.
func TestWaitingPage(t *testing.T) { synctest.Test(t, testWaitingPage) }

func testWaitingPage(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) {
		s.WaitingPage = &scaler.Page{Status: 503, Body: "<h1>soon</h1>", RetryAfter: 10}
	})
	p := r.connect("a")
	q := r.ask("a", browser...)
	q.wants("503 after 10")
	page := (<-q.answers).GetImmediateResponse()
	if string(page.GetBody()) != "<h1>soon</h1>" || !strings.Contains(page.String(), "text/html; charset=utf-8") {
		t.Errorf("page %v", page)
	}
	if got := join(r.told); got != "0 1" {
		t.Errorf("told %q", got)
	}
	for name, headers := range map[string][]string{
		"HEAD":        {":method", "HEAD", ":path", "/", "accept", "TEXT/HTML", "sec-fetch-mode", "navigate"},
		"old browser": {":method", "GET", ":path", "/", "accept", "text/html", "upgrade-insecure-requests", "1"},
	} {
		t.Log(name)
		r.ask("a", headers...).wants("503 after 10")
	}
	others := map[string][]string{
		"API":        {":method", "GET", ":path", "/", "accept", "application/json", "sec-fetch-mode", "navigate"},
		"fetch":      {":method", "GET", ":path", "/", "accept", "text/html", "sec-fetch-mode", "cors"},
		"curl":       {":method", "GET", ":path", "/", "accept", "*/*"},
		"form":       {":method", "POST", ":path", "/", "accept", "text/html", "sec-fetch-mode", "navigate"},
		"gRPC":       {":method", "POST", ":path", "/a/b", "content-type", "application/grpc"},
		"no upgrade": {":method", "GET", ":path", "/", "accept", "text/html", "upgrade-insecure-requests", "0"},
		"plain":      nil,
	}
	for name, headers := range others {
		t.Log(name)
		q := r.ask("a", headers...)
		r.holds(1)
		q.waits()
		q.confirm()
		r.holds(0)
	}
	// While the proxy learns of the endpoint it is not worth a page.
	p.pause()
	r.endpoints(1)
	r.eventually("the endpoint is on its way", p.waits)
	q = r.ask("a", browser...)
	r.holds(1)
	p.resume()
	q.wants("go cold")
}

// TestAnswersSayHowLong: the access log of the proxy has how long a request waited, with any outcome.
func TestAnswersSayHowLong(t *testing.T) { synctest.Test(t, testAnswersSayHowLong) }

func testAnswersSayHowLong(t *testing.T) {
	r := serviceRig(t)
	told := func(q *request) string {
		answer := <-q.answers
		fields := answer.GetDynamicMetadata().GetFields()[translate.HoldNamespace].GetStructValue().GetFields()
		cold, milliseconds := fields[translate.HoldCold].GetStringValue(), fields[translate.HoldMilliseconds].GetNumberValue()
		return fmt.Sprint(describe(answer), " ", cold, " ", milliseconds)
	}
	r.connect("a")
	q := r.ask("a")
	r.holds(1)
	r.advance(1500 * time.Millisecond)
	r.endpoints(1)
	if got := told(q); !strings.HasPrefix(got, "go cold true 15") {
		t.Errorf("released: %s", got)
	}
	if got := told(r.ask("a")); got != "go false 0" {
		t.Errorf("warm: %s", got)
	}
	other := serviceRig(t)
	other.connect("a")
	q = other.ask("a")
	other.holds(1)
	limit := scaler.DefaultHoldTimeout
	other.advance(limit)
	if got := told(q); !strings.HasPrefix(got, "504") || !strings.HasSuffix(got, fmt.Sprint(" true ", limit.Milliseconds())) {
		t.Errorf("too late: %s", got)
	}
}

// During maintenance each request gets the page, whether there is an endpoint or not, and none
// counts.
func TestMaintenancePage(t *testing.T) {
	for name, ports := range map[string][]uint32{"at zero": nil, "running": {1}} {
		t.Run(name, bubble(func(t *testing.T) {
			r := serviceRig(t, ports...)
			r.trigger(func(s *scaler.Scaler) {
				s.Maintenance = &scaler.Page{Body: "later", ContentType: "text/plain"}
				s.WaitingPage = &scaler.Page{Status: 200}
				s.Spec.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/alive"}
			})
			r.connect("a")
			r.ask("a").wants("503")
			r.ask("a", browser...).wants("503")
			r.ask("a", ":method", "POST", ":path", "/a/b", "content-type", "application/grpc").wants("503 grpc 14")
			r.ask("a", ":method", "GET", ":path", "/alive").wants("200")
			if len(r.told) > 0 {
				t.Errorf("told %q", r.told)
			}
		}))
	}
}

// TestS2PageWithoutContent: a page whose status permits no content has none, even if its ConfigMap does: a client would take
// the bytes for the next answer of its connection.
func TestS2PageWithoutContent(t *testing.T) { synctest.Test(t, testS2PageWithoutContent) }

func testS2PageWithoutContent(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	for status, content := range map[uint32]bool{204: false, 205: false, 304: false, 200: true, 418: true, 503: true} {
		r.trigger(func(s *scaler.Scaler) { s.Maintenance = &scaler.Page{Status: status, Body: "later"} })
		q := r.ask("a")
		q.wants(fmt.Sprint(status))
		page := (<-q.answers).GetImmediateResponse()
		if len(page.GetBody()) > 0 != content || strings.Contains(page.String(), "content-type") != content {
			t.Errorf("%d: %v", status, page)
		}
	}
}

// TestG3SpellingsOfAHealthCheck: a health check is one in every spelling of its path.
func TestG3SpellingsOfAHealthCheck(t *testing.T) { synctest.Test(t, testG3SpellingsOfAHealthCheck) }

func testG3SpellingsOfAHealthCheck(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) { s.Spec.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/caf%C3%A9"} })
	r.connect("a")
	for _, path := range []string{"/caf%C3%A9", "/caf%c3%a9?verbose", "/caf%c3%A9"} {
		r.ask("a", ":method", "GET", ":path", path).wants("200")
	}
	if len(r.told) > 0 {
		t.Errorf("told %q", r.told)
	}
}

// Health checks are answered while nothing runs. They neither wake, nor wait, nor see a page, nor
// keep the proxies from asking.
func TestHealthChecks(t *testing.T) {
	probe := []string{":method", "GET", ":path", "/alive?verbose=1", "accept", "text/html", "sec-fetch-mode", "navigate"}
	for _, test := range []struct {
		response                v1alpha1.HealthCheckResponse
		asleep, running, behind string
	}{
		{"", "200", "go", "200"},
		{"passthrough", "200", "go", "200"},
		{"static", "200", "200", "200"},
	} {
		t.Run(string(test.response), bubble(func(t *testing.T) {
			r := serviceRig(t)
			r.trigger(func(s *scaler.Scaler) {
				s.Spec.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/alive", Response: test.response}
				s.WaitingPage = &scaler.Page{Status: 503}
			})
			p := r.connect("a")
			r.ask("a", probe...).wants(test.asleep)
			p.pause()
			r.endpoints(1)
			r.eventually("the endpoint is on its way", p.waits)
			r.ask("a", probe...).wants(test.behind)
			p.resume()
			r.eventually("the proxy has it", func() bool { return r.knows("a") })
			for range 2 * hold.DefaultDisarmAnswers {
				q := r.ask("a", probe...)
				q.wants(test.running)
				q.confirm()
			}
			if len(r.told) > 0 {
				t.Errorf("told %q", r.told)
			}
			r.advance(hold.DefaultDisarmAfter)
			if !r.dump().Armed {
				t.Error("health checks disarmed the backend")
			}
			q := r.ask("a", ":method", "GET", ":path", "/alive/not")
			q.wants("go")
		}))
	}
	t.Run("pathEmbeddedHost", bubble(func(t *testing.T) {
		r := serviceRig(t)
		r.trigger(func(s *scaler.Scaler) {
			s.Spec.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/alive", Response: "pathEmbeddedHost", PathPrefix: "/x"}
		})
		r.connect("a")
		r.ask("a", probe...)
		r.holds(1)
	}))
}

// Calls that no proxy of the product makes are refused; the caller routes their requests.
func TestBadCalls(t *testing.T) { synctest.Test(t, testBadCalls) }

func testBadCalls(t *testing.T) {
	r := serviceRig(t)
	call := func(change func(*request)) string {
		q := &request{rig: r, answers: make(chan *extprocv3.ProcessingResponse, 1), failed: make(chan error, 1)}
		q.ctx, q.end = context.WithCancel(metadata.NewIncomingContext(context.Background(), metadata.Pairs(translate.HoldBackend, r.name())))
		q.first = firstMessage("a")
		change(q)
		r.running.Go(func() { q.failed <- r.activator.Process(q) })
		t.Cleanup(q.end)
		return q.code()
	}
	if got := call(func(q *request) { q.ctx = context.Background() }); got != "InvalidArgument" {
		t.Errorf("without metadata: %s", got)
	}
	if got := call(func(q *request) { q.first = &extprocv3.ProcessingRequest{} }); got != "InvalidArgument" {
		t.Errorf("without headers: %s", got)
	}
	if got := call(func(q *request) { q.read = true; q.end() }); got != "Unknown" {
		t.Errorf("without a message: %s", got)
	}
	stranger := hold.NewActivator(r.gate,
		hold.ActivatorOptions{Gateway: func(context.Context) (types.NamespacedName, error) { return types.NamespacedName{}, errors.New("who?") }})
	if got := stranger.Process(&request{ctx: context.Background()}); got == nil || !strings.Contains(got.Error(), "Unauthenticated") {
		t.Errorf("a stranger: %v", got)
	}
	// Without a certificate the gateway is unknown.
	if got := hold.NewActivator(r.gate, hold.ActivatorOptions{}).Process(&request{ctx: context.Background()}); got == nil {
		t.Error("no certificate, no error")
	}
	// A request without a demand key waits as well.
	q := &request{rig: r, answers: make(chan *extprocv3.ProcessingResponse, 1), failed: make(chan error, 1), first: firstMessage("a")}
	q.ctx, q.end = context.WithCancel(metadata.NewIncomingContext(context.Background(),
		metadata.Pairs(translate.HoldBackend, r.name(), translate.HoldDemand, "no key")))
	r.running.Go(func() { q.failed <- r.activator.Process(q) })
	t.Cleanup(q.end)
	r.holds(1)
}
