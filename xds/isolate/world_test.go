package isolate_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/isolate"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

var gatewayKey = ir.Key{Namespace: "default", Name: "gateway"}

// world is a stage in front of a real publisher, in a bubble of synctest.
type world struct {
	t         *testing.T
	publisher *publish.Publisher
	stage     *isolate.Stage

	mu       sync.Mutex
	rejected []publish.Rejection // as reported last
	faults   int                 // reports that panic
	unknown  atomic.Int32        // questions about what proxies have that panic

	suspects []string // rules that are suspected
}

// run runs a test in a bubble: time passes when every goroutine waits.
func run(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.publisher = publish.New(publish.Options{
			OnDelivery: func(d publish.Delivery) { w.stage.Delivered(d) },
			OnAccepted: func(a publish.Acceptance) { w.stage.Accepted(a) },
			OnRejected: func(key ir.Key, r publish.Rejection) { w.stage.Rejected(key, r) },
		})
		w.stage = isolate.New(isolate.Options{Next: w.publisher, Accepted: w.accepted, Suspected: w.suspected, Report: w.report})
		w.stage.Ready(gatewayKey)
		test(w)
		w.stage.Forget(gatewayKey)
	})
}

func (w *world) report(d publish.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faults > 0 {
		w.faults--
		panic("a report is not taken")
	}
	w.rejected = slices.Clone(d.Rejected)
}

func (w *world) suspected(object ir.Source, rule string) resource.Form {
	if object.Kind == "HTTPRoute" && slices.Contains(w.suspects, rule) {
		return resource.Failing
	}
	return resource.Whole
}

func (w *world) accepted(gateway ir.Key, key resource.Key) map[string]publish.ACKState {
	if w.unknown.Load() > 0 {
		w.unknown.Add(-1)
		panic("what proxies have is not known")
	}
	return w.publisher.Accepted(gateway, key)
}

// reported is a line for each rejection: the table that is refused, or the rule that is withheld.
func (w *world) reported() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rejected {
		line := r.Resource.Name
		if r.Withheld != nil {
			line += " " + r.Withheld.Rule + " " + string(r.Withheld.Form)
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

func (w *world) wantReported(want ...string) {
	w.t.Helper()
	if got := w.reported(); !slices.Equal(got, want) {
		w.t.Errorf("reported %q, want %q", got, want)
	}
}

func (w *world) wantTable(p *proxy, name, want string) {
	w.t.Helper()
	if got := p.table(name); got != want {
		w.t.Errorf("%s has %s of %q, want %q", p.node, name, got, want)
	}
}

// settle lets the time of all answers pass.
func (w *world) settle() {
	time.Sleep(500 * time.Millisecond)
	synctest.Wait()
}

// apply has hosts published, and returns their tables.
func (w *world) apply(hosts ...ir.Host) (tables []resource.Resource) {
	w.t.Helper()
	var change resource.Change
	for _, host := range hosts {
		scope, route, err := translate.Host(host)
		if err != nil {
			w.t.Fatal(err)
		}
		change.Upsert, tables = append(change.Upsert, scope, route), append(tables, route)
	}
	w.stage.Apply(gatewayKey, change)
	return tables
}

// proxy is a proxy that refuses what it is told to refuse.
type proxy struct {
	node string
	rules
	session  *publish.Session
	incoming chan *discovery.DeltaDiscoveryResponse

	mu     sync.Mutex
	tables map[string]*routev3.RouteConfiguration
	trials map[string]bool // all that there were
}

// rules of a proxy.
type rules struct {
	refuses func(*routev3.RouteConfiguration) bool
	// delay of each answer about a table.
	delay time.Duration
	// silent: trials are not answered; scopes: those of trials are refused.
	silent, scopes bool
}

func (w *world) connect(node string, rules rules) *proxy {
	p := &proxy{
		node: node, rules: rules, incoming: make(chan *discovery.DeltaDiscoveryResponse, 10000),
		tables: map[string]*routev3.RouteConfiguration{}, trials: map[string]bool{},
	}
	p.session = w.publisher.Connect(gatewayKey, node, func(r *discovery.DeltaDiscoveryResponse) error {
		p.incoming <- r
		return nil
	})
	for _, each := range []resource.Type{resource.Cluster, resource.Listener, resource.Scope} {
		p.session.Receive(&discovery.DeltaDiscoveryRequest{TypeUrl: string(each), ResourceNamesSubscribe: []string{"*"}})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for response := range p.incoming {
			p.take(response)
		}
	}()
	w.t.Cleanup(func() {
		p.session.Close()
		synctest.Wait()
		close(p.incoming)
		<-done
	})
	return p
}

func (p *proxy) take(response *discovery.DeltaDiscoveryResponse) {
	answer := &discovery.DeltaDiscoveryRequest{TypeUrl: response.GetTypeUrl(), ResponseNonce: response.GetNonce()}
	refuse := func() { answer.ErrorDetail = &statuspb.Status{Message: "refused"} }
	var subscribe []string
	for _, each := range response.GetResources() {
		trial := strings.HasPrefix(each.GetName(), resource.TrialPrefix)
		switch resource.Type(response.GetTypeUrl()) {
		case resource.Scope:
			if p.scopes && trial {
				refuse()
				continue
			}
			subscribe = append(subscribe, each.GetName())
		case resource.Route:
			time.Sleep(p.delay)
			if trial && p.silent {
				return
			}
			if !p.takeTable(each) {
				refuse()
			}
		}
	}
	p.mu.Lock()
	for _, name := range response.GetRemovedResources() {
		delete(p.tables, name) // a table ends with its scope, which has its name
	}
	p.mu.Unlock()
	p.session.Receive(answer)
	if response.GetTypeUrl() == string(resource.Scope) && len(subscribe)+len(response.GetRemovedResources()) > 0 {
		p.session.Receive(&discovery.DeltaDiscoveryRequest{
			TypeUrl: string(resource.Route), ResourceNamesSubscribe: subscribe, ResourceNamesUnsubscribe: response.GetRemovedResources(),
		})
	}
}

func (p *proxy) takeTable(sent *discovery.Resource) bool {
	table := &routev3.RouteConfiguration{}
	if err := proto.Unmarshal(sent.GetResource().GetValue(), table); err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasPrefix(sent.GetName(), resource.TrialPrefix) {
		p.trials[sent.GetName()] = true
	}
	if p.refuses != nil && p.refuses(table) {
		return false
	}
	p.tables[sent.GetName()] = table
	return true
}

// asked is how many trials the proxy was asked.
func (p *proxy) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.trials)
}

// table is the rules that a proxy has, with what they answer; "none": it has no table.
func (p *proxy) table(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	table := p.tables[name]
	if table == nil {
		return "none"
	}
	var all []string
	eachRoute(table, func(route *routev3.Route) {
		answer := "forward"
		if direct := route.GetDirectResponse(); direct != nil {
			answer = fmt.Sprint(direct.GetStatus())
		}
		all = append(all, route.GetName()[strings.LastIndex(route.GetName(), "/")+1:]+"="+answer)
	})
	return strings.Join(all[:len(all)-1], " ") // but for the 404 that ends each table
}

func eachRoute(table *routev3.RouteConfiguration, do func(*routev3.Route)) {
	for _, host := range table.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			do(route)
		}
	}
}

// refuse is a proxy that refuses some rules unless they answer 500.
func refuse(names ...string) func(*routev3.RouteConfiguration) bool {
	return func(table *routev3.RouteConfiguration) (refused bool) {
		eachRoute(table, func(route *routev3.Route) {
			for _, name := range names {
				refused = refused || strings.HasSuffix(route.GetName(), "/"+name) && route.GetDirectResponse().GetStatus() != 500
			}
		})
		return refused
	}
}

// host has n rules r0, r1, ... of objects of their own. Rule 0 answers a text.
func host(name string, n int, text string) ir.Host {
	h := ir.Host{Chain: "80", Hostname: name}
	for i := range n {
		answer := &ir.Respond{StatusCode: 201}
		if i == 0 {
			answer.Body = text
		}
		namespace := fmt.Sprintf("ns%d", i)
		h.Routes = append(h.Routes, ir.Route{
			Name:  fmt.Sprintf("HTTPRoute/%s/x/r%d", namespace, i),
			Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: fmt.Sprintf("/%d", i)}}, Action: answer,
			Source: ir.Source{Kind: "HTTPRoute", Namespace: namespace, Name: "x"},
		})
	}
	return h
}
