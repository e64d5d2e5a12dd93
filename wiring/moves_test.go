package wiring_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/plan"
)

// wiredRig is a rig whose Ingress leads to the proxies, with a leader.
func wiredRig(t *testing.T) (*rig, *replica) {
	t.Helper()
	r := newRig(newCluster(t, webYAML, ingressYAML))
	leader := r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.Eventually(r.path).Should(Equal(throughProxies))
	return r, leader
}

// ready returns how many endpoints of Service web-kedify consumers would use, by its slices.
func (r *rig) ready(ctx context.Context) (int, error) {
	list := &discoveryv1.EndpointSliceList{}
	err := r.client.List(ctx, list, client.InNamespace("shop"), client.MatchingLabels{discoveryv1.LabelServiceName: "web-kedify"})
	count := 0
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			if ptr.Deref(endpoint.Conditions.Ready, true) {
				count++
			}
		}
	}
	return count, err
}

// neverEmpty watches that Service web-kedify has a ready endpoint at each moment until stop is called.
func (r *rig) neverEmpty() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if count, err := r.ready(ctx); err == nil && count == 0 {
				r.t.Error("Service web-kedify had no ready endpoint")
				return
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

// TestT52ControllersDead: while all controllers are dead, requests go directly to the application from the end
// of the debouncer period on, and through the proxies again when they are back for the recovery period. At no
// moment is there no endpoint, and no object of the user is touched.
func TestT52ControllersDead(t *testing.T) {
	t.Parallel()
	r, _ := wiredRig(t)
	ingress := r.untyped("Ingress", "web").GetResourceVersion()
	stop := r.neverEmpty()
	began := time.Now()
	r.controllers(false)
	r.Eventually(r.path).Should(Equal(directly))
	r.Expect(time.Since(began)).To(BeNumerically(">=", debounce))
	r.Eventually(r.scales.scaledTo).Should(Equal([]int32{3}), "fallback.replicas, once")

	r.application("10.1.0.2", "10.1.0.3") // its Pods are replaced meanwhile
	r.Eventually(r.path).Should(Equal(strings.Replace(directly, "1 ready", "2 ready", 1)))
	began = time.Now()
	r.controllers(true)
	r.Eventually(r.path).Should(Equal(throughProxies))
	r.Expect(time.Since(began)).To(BeNumerically(">=", recovery))
	stop()
	r.Expect(r.untyped("Ingress", "web").GetResourceVersion()).To(Equal(ingress))
	r.Expect(r.scaler("web-0").Status.Wiring.DirectUntil).NotTo(BeNil())
	r.Expect(r.scales.scaledTo()).To(HaveLen(1))
}

// TestT52NoProxyFollows: proxies that are ready, and follow no controller any more, are ill; they are well
// when one follows again. A controller that cannot be asked moves nothing.
func TestT52NoProxyFollows(t *testing.T) {
	t.Parallel()
	var accepting atomic.Int32
	controller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if accepting.Load() < 0 {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"ready":true,"gateways":[{"gateway":{"namespace":"shop","name":"kedify-proxy"},`+
			`"ready":true,"connected":1,"accepting":%d}]}`, accepting.Load())
	}))
	defer controller.Close()
	accepting.Store(1)
	r := newRig(newCluster(t, webYAML, ingressYAML))
	address := controller.Listener.Addr().(*net.TCPAddr)
	r.slice(named(installation, "kedify-gateway"), port("metrics", int32(address.Port)), true, address.IP.String())
	r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.Eventually(r.path).Should(Equal(throughProxies))

	accepting.Store(-1)
	r.Consistently(r.path, 2*time.Second).Should(Equal(throughProxies))
	accepting.Store(0)
	r.Eventually(r.path).Should(Equal(directly))
	accepting.Store(1)
	r.Eventually(r.path).Should(Equal(throughProxies))
}

// TestT52ShortOutage: what is over before the debouncer period is, moves nothing.
func TestT52ShortOutage(t *testing.T) {
	t.Parallel()
	const period = 4 * time.Second
	r := newRig(newCluster(t, webYAML, ingressYAML))
	r.debounce = period
	r.leader()
	r.Eventually(r.path).Should(Equal(throughProxies))
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	r.Eventually(r.quiet(500 * time.Millisecond)).Should(BeTrue())
	writes := len(r.written())
	for range 3 {
		r.controllers(false)
		r.proxies(false)
		time.Sleep(period / 3) // less than the period, each time
		r.controllers(true)
		r.proxies(true)
		time.Sleep(period / 8)
	}
	r.Consistently(func() []string { return r.written()[writes:] }, period/2).Should(BeEmpty())
}

// TestT54ProxiesDead: the same for the proxies of the namespace. A further fallback doubles the recovery period.
func TestT54ProxiesDead(t *testing.T) {
	t.Parallel()
	r, leader := wiredRig(t)
	for round := range 2 {
		r.proxies(false)
		r.Eventually(r.path).Should(Equal(directly))
		began := time.Now()
		r.proxies(true)
		r.Eventually(r.path).Should(Equal(throughProxies))
		r.Expect(time.Since(began)).To(BeNumerically(">=", recovery<<round), "round %d", round)
	}
	r.Expect(r.scales.scaledTo()).To(BeEmpty(), "controllers that live tell KEDA, and the application runs")
	r.Eventually(leader.told("DirectPath")).Should(BeTrue())
	r.Eventually(leader.told("ProxyPath")).Should(BeTrue())
}

// told returns whether an Event with the reason was written. Events that were read are gone.
func (r *replica) told(reason string) func() bool {
	return func() bool {
		for {
			select {
			case event := <-r.events.Events:
				if strings.Contains(event, " "+reason+" ") {
					return true
				}
			default:
				return false
			}
		}
	}
}

// TestT53AtZero: an application at zero is woken, and requests go there when its first Pod is ready; until then
// the proxies keep them.
func TestT53AtZero(t *testing.T) {
	t.Parallel()
	r, _ := wiredRig(t)
	r.application()
	r.scales.set(0)
	r.proxies(false)
	r.Eventually(r.scales.scaledTo).Should(Equal([]int32{3}))
	const waiting = "selects proxies, 0 ready of the application, Direct"
	r.Eventually(r.path).Should(Equal(waiting))
	r.Consistently(r.path, debounce).Should(Equal(waiting))
	r.application("10.1.0.9")
	r.Eventually(r.path).Should(Equal(directly))
}

func (w *workloads) set(replicas int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas = replicas
}

// TestFrozenAPIServer: while the API server does not answer nothing is known and nothing moves, also when the
// last that informers saw was a dead proxy.
func TestFrozenAPIServer(t *testing.T) {
	t.Parallel()
	r, _ := wiredRig(t)
	r.Eventually(r.quiet(500 * time.Millisecond)).Should(BeTrue())
	r.frozen.Store(true)
	r.controllers(false)
	writes := len(r.written())
	r.Consistently(r.path, 3*time.Second).Should(Equal(throughProxies))
	r.Expect(r.written()).To(HaveLen(writes))
	r.controllers(true)
	r.frozen.Store(false)
	r.Consistently(r.path, 2*debounce).Should(Equal(throughProxies), "neither afterwards")
	r.controllers(false)
	r.Eventually(r.path).Should(Equal(directly), "what is seen counts again")
}

// TestSafetyNeedsNoLeader: a replica that does not lead moves to safety, and nothing else.
func TestSafetyNeedsNoLeader(t *testing.T) {
	t.Parallel()
	r, leader := wiredRig(t)
	leader.stop()
	follower := r.replica()
	r.set(strings.ReplaceAll(ingressYAML, "name: web, annotations", "name: later, annotations"))
	r.controllers(false)
	r.Eventually(r.path).Should(Equal(directly))
	r.Eventually(r.scales.scaledTo).Should(Equal([]int32{3}))
	r.controllers(true)
	r.Consistently(r.path, 2*recovery).Should(Equal(directly), "back is for the leader")
	r.Expect(fmt.Sprint(r.untyped("Ingress", "later").Object["spec"])).NotTo(ContainSubstring("kedify"))
	follower.leads <- true
	r.Eventually(r.path).Should(Equal(throughProxies))
	r.Eventually(func() string { return fmt.Sprint(r.untyped("Ingress", "later").Object["spec"]) }).Should(ContainSubstring("web-kedify"))
	follower.leads <- false
	r.controllers(false)
	r.Eventually(r.path).Should(Equal(directly), "the lost lease ends no move to safety")
}

// TestTwoReplicas: both move to safety at once, and neither undoes what the other does.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	r, _ := wiredRig(t)
	r.replica()
	stop := r.neverEmpty()
	r.controllers(false)
	r.Eventually(r.path).Should(Equal(directly))
	r.Eventually(r.quiet(debounce)).Should(BeTrue(), "no fight while direct")
	r.controllers(true)
	r.Eventually(r.path).Should(Equal(throughProxies))
	stop()
	r.Eventually(r.quiet(debounce)).Should(BeTrue(), "no fight afterwards")
	r.Expect(r.path()).To(Equal(throughProxies))
	r.Expect(r.scales.scaledTo()).To(Equal([]int32{3}))
}

// TestT55Restart: a process that starts finds everything in the objects and writes nothing, on either path.
func TestT55Restart(t *testing.T) {
	t.Parallel()
	r, leader := wiredRig(t)
	r.Eventually(r.quiet(500 * time.Millisecond)).Should(BeTrue())
	leader.stop()
	writes := len(r.written())
	next := r.leader()
	r.Consistently(func() []string { return r.written()[writes:] }, debounce).Should(BeEmpty())

	r.proxies(false)
	r.Eventually(r.path).Should(Equal(directly))
	r.Eventually(r.quiet(500 * time.Millisecond)).Should(BeTrue())
	next.stop()
	writes = len(r.written())
	r.leader()
	r.Consistently(func() []string { return r.written()[writes:] }, debounce).Should(BeEmpty())
	r.Expect(r.client.Delete(t.Context(), r.scaler("web-0"))).To(Succeed())
	r.Eventually(r.backends).Should(Equal([]string{"web", "files"}), "the originals are in the object")
}

// TestNothingWiredNothingMoves: without a wired Service, dead controllers move, scale and tell nothing.
func TestNothingWiredNothingMoves(t *testing.T) {
	t.Parallel()
	r := newRig(newCluster(t, webYAML))
	leader := r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("False/NothingToRewire"))
	r.controllers(false)
	r.Consistently(r.path, 2*debounce).Should(Equal("none"))
	r.Expect(r.scales.scaledTo()).To(BeEmpty())
	r.Expect(leader.told("DirectPath")()).To(BeFalse())
}

// TestT40FirstProxies: the first proxies of a namespace take longer to be ready than the debouncer period. Nothing
// leads to them yet, so that is no outage: objects are rewired as soon as they are ready, and no event tells of
// a fallback.
func TestT40FirstProxies(t *testing.T) {
	r := newRig(newCluster(t, webYAML, ingressYAML))
	r.proxies(false)
	leader := r.leader()
	r.Eventually(r.rewired).Should(HavePrefix("False/Waiting"))
	r.Consistently(r.path, 2*debounce).ShouldNot(Equal(directly))
	began := time.Now()
	r.proxies(true)
	r.Eventually(r.rewired).Should(HavePrefix("True/Rewired"))
	settle := plan.DefaultSetting(types.NamespacedName{}).Settle
	r.Expect(time.Since(began)).To(BeNumerically("<", settle+recovery), "the settling time, and no recovery period before it")
	r.Expect(leader.told("DirectPath")()).To(BeFalse())
	r.Expect(r.scales.scaledTo()).To(BeEmpty())
}

// TestTriggerGoesFirst: when a trigger goes, and its proxies with it, the wired Service leads to the application
// until no object leads to it.
func TestTriggerGoesFirst(t *testing.T) {
	t.Parallel()
	r, _ := wiredRig(t)
	stop := r.neverEmpty()
	r.Expect(r.client.Delete(t.Context(), r.scaler("web-0"))).To(Succeed())
	r.Eventually(r.backends).Should(Equal([]string{"web", "files"}))
	service := &corev1.Service{}
	r.Eventually(func() bool {
		r.Expect(r.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web-kedify"}, service)).To(Succeed())
		_, nowhere := service.Spec.Selector["gateway.kedify.io/past-the-proxies"]
		return nowhere
	}).Should(BeTrue())
	stop()
	r.Expect(slices.Contains(r.written(), "delete Service web-kedify")).To(BeFalse(), "it stays for a minute")
	r.Expect(service.Annotations[v1alpha1.WiresAnnotation]).To(Equal("web"))
}
