package served

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	k8sevents "k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/workload"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var web = types.NamespacedName{Namespace: "shop", Name: "web-0"}

// world is a keeper, an API server with one application, and what the registry says.
type world struct {
	t        *testing.T
	clock    *clocktesting.FakeClock
	client   client.Client
	catalog  *scaler.Catalog
	recorder *k8sevents.FakeRecorder
	keeper   *Keeper
	waits    map[types.NamespacedName]demand.Wait
	replicas int32
	scaleErr error
	// writes of conditions, and reads past the cache.
	writes, reads atomic.Int64
	// looks are reads of a scale.
	looks atomic.Int64
}

func newWorld(t *testing.T, keys ...types.NamespacedName) *world {
	w := &world{
		t: t, clock: clocktesting.NewFakeClock(time.Date(2026, 11, 30, 20, 0, 0, 0, time.UTC)), catalog: scaler.NewCatalog(),
		recorder: k8sevents.NewFakeRecorder(1000), waits: map[types.NamespacedName]demand.Wait{}, replicas: 1,
	}
	builder := fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithStatusSubresource(&v1alpha1.HTTPScaler{}, &corev1.Pod{})
	for _, key := range append([]types.NamespacedName{web}, keys...) {
		spec := v1alpha1.HTTPScalerSpec{
			Type: v1alpha1.TriggerHTTP, ScaledObject: "web", Trigger: "0",
			Backend: v1alpha1.HTTPScalerBackend{Service: "web", Port: ptr.To[int32](80)},
			Scale:   v1alpha1.HTTPScalerScale{Target: v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, Max: 5},
		}
		builder.WithObjects(&v1alpha1.HTTPScaler{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Generation: 3}, Spec: spec,
		})
		w.catalog.Set(key, &scaler.Scaler{Key: key, Spec: spec})
	}
	w.catalog.SetComplete()
	w.client = builder.WithObjects(
		&kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}},
		},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", Labels: map[string]string{"app": "web"}}},
	).WithInterceptorFuncs(interceptor.Funcs{
		SubResourceApply: func(
			ctx context.Context, c client.Client, sub string, object runtime.ApplyConfiguration, options ...client.SubResourceApplyOption,
		) error {
			w.writes.Add(1)
			return c.SubResource(sub).Apply(ctx, object, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, pods := list.(*corev1.PodList); pods {
				w.reads.Add(1)
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
	w.restart()
	return w
}

// restart begins a term of another leader.
func (w *world) restart() {
	w.keeper = New(Options{
		Registry: w, Catalog: w.catalog, Cache: w.client, Direct: w.client, Scales: w, Writer: w.client,
		Events: events.NewWriter(w.recorder, w.client), Clock: w.clock, Log: logr.Discard(),
	})
	w.keeper.triggers = map[types.NamespacedName]*trigger{}
	if w.keeper.recall(context.Background()); !w.keeper.recalled {
		w.t.Fatal("the conditions of the last leader are not known")
	}
}

// Waits is Registry.
func (w *world) Waits(visit func(types.NamespacedName, demand.Wait)) {
	for key, wait := range maps.Clone(w.waits) {
		visit(key, wait)
	}
}

// Get is scale.Scales.
func (w *world) Get(context.Context, string, v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	w.looks.Add(1)
	return &autoscalingv1.Scale{
		Spec: autoscalingv1.ScaleSpec{Replicas: w.replicas}, Status: autoscalingv1.ScaleStatus{Selector: "app=web"},
	}, w.scaleErr
}

// Update is scale.Scales.
func (w *world) Update(context.Context, string, v1alpha1.HTTPScalerTarget, *autoscalingv1.Scale) error {
	return nil
}

// pass lets seconds pass.
func (w *world) pass(span time.Duration) {
	for range int(span / tick) {
		w.clock.Step(tick)
		w.keeper.round(context.Background())
	}
}

// hold says that so many requests wait, and that the last came now.
func (w *world) hold(count int) {
	wait := w.waits[web]
	wait.Held, wait.Arrived = count, w.clock.Now()
	if wait.Since.IsZero() {
		wait.Since = w.clock.Now()
	}
	w.waits[web] = wait
}

// serve says that all of them were served.
func (w *world) serve() {
	wait := w.waits[web]
	wait.Held, wait.Since, wait.Served = 0, time.Time{}, w.clock.Now()
	w.waits[web] = wait
}

// timeOut says that all of them were answered 504.
func (w *world) timeOut() {
	wait := w.waits[web]
	wait.Held, wait.Failed = 0, w.clock.Now()
	w.waits[web] = wait
}

// pod sets the state of the only container of the Pod.
func (w *world) pod(waiting, message string) {
	pod := &corev1.Pod{}
	if err := w.client.Get(context.Background(), types.NamespacedName{Namespace: "shop", Name: "web-1"}, pod); err != nil {
		w.t.Fatal(err)
	}
	pod.Status = corev1.PodStatus{}
	if waiting == "" {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	} else {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: waiting, Message: message}},
		}}
	}
	if err := w.client.Status().Update(context.Background(), pod); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) condition(key types.NamespacedName) metav1.Condition {
	live := &v1alpha1.HTTPScaler{}
	if err := w.client.Get(context.Background(), key, live); err != nil {
		w.t.Fatal(err)
	}
	if found := served(live); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// wants compares condition Served, "status/reason", and looks for a part of its message. Empty: there is none.
func (w *world) wants(want, part string) {
	w.t.Helper()
	found := w.condition(web)
	got := strings.TrimSuffix(string(found.Status)+"/"+found.Reason, "/")
	if got != want || !strings.Contains(found.Message, part) {
		w.t.Fatalf("Served %s: %s\nwant %s: %s", got, found.Message, want, part)
	}
	if want != "" && found.ObservedGeneration != 3 {
		w.t.Errorf("observedGeneration %d", found.ObservedGeneration)
	}
}

// events returns those that were recorded since the last call.
func (w *world) events() (all []string) {
	for len(w.recorder.Events) > 0 {
		all = append(all, <-w.recorder.Events)
	}
	return all
}

// An image that cannot be pulled: the condition after ten seconds, one event, no write while nothing changes, and True when
// a request is served.
func TestEpisode(t *testing.T) {
	w := newWorld(t)
	w.pod("ImagePullBackOff", "Back-off pulling image a")
	w.hold(1)
	w.pass(DefaultPatience - tick)
	w.wants("", "")
	w.pass(tick)
	w.wants("False/PodsNotReady", "ImagePullBackOff: Back-off pulling image a.")
	const told = "Warning PodsNotReady trigger 0: requests wait and nothing answers them. None of 1 Pod"
	if got := w.events(); len(got) != 1 || !strings.HasPrefix(got[0], told) {
		t.Errorf("events %q", got)
	}
	for i := range 50 { // requests come and go, and Kubernetes says it in other words by turns
		w.pod([]string{"ErrImagePull", "ImagePullBackOff"}[i%2], fmt.Sprintf("attempt %d", i))
		w.hold(i % 3)
		if i%10 == 9 {
			w.timeOut()
		}
		w.pass(2 * time.Second)
	}
	if got := w.events(); len(got) != 0 {
		t.Errorf("told again: %q", got)
	}
	if w.writes.Load() > 1+2 { // the message, once a minute
		t.Errorf("%d writes", w.writes.Load())
	}
	if w.reads.Load() > 10 { // after 5, 10, 20, 40, 60, 60 seconds; one more when the cause changes
		t.Errorf("the Pods were read %d times", w.reads.Load())
	}
	w.pod("", "")
	w.serve()
	w.pass(tick)
	w.wants("True/Served", "were answered")
	w.pass(time.Hour)
	w.wants("True/Served", "")

	w.pod("CreateContainerConfigError", "no secret")
	w.hold(1)
	w.pass(DefaultPatience)
	w.wants("False/PodsNotReady", "no secret")
	if got := w.events(); len(got) != 1 {
		t.Errorf("the next episode: %q", got)
	}
	counted := &dto.Metric{}
	err := w.keeper.options.Metrics.episodes.WithLabelValues(workload.ReasonPodsNotReady).Write(counted)
	if got := counted.GetCounter().GetValue(); err != nil || got != 2 {
		t.Errorf("%v episodes, %v", got, err)
	}
}

// An application that starts is no episode; one whose start outlasts a request is.
func TestStartIsNoEpisode(t *testing.T) {
	w := newWorld(t)
	w.pod("ContainerCreating", "")
	w.hold(1)
	w.pass(StartPatience - 2*time.Second)
	w.wants("", "")
	w.pod("", "")
	w.serve()
	w.pass(tick)
	w.wants("True/Served", "")

	w.pod("ContainerCreating", "")
	w.hold(1)
	w.pass(20 * time.Second)
	w.wants("True/Served", "")
	w.timeOut()
	w.pass(firstPause)
	w.wants("False/PodsNotReady", "ContainerCreating")
	if got := w.events(); len(got) != 1 {
		t.Errorf("events %q", got)
	}
}

// Clients that give up early are requests that wait in vain, too.
func TestImpatientClients(t *testing.T) {
	w := newWorld(t)
	w.pod("ImagePullBackOff", "")
	for range 15 {
		w.hold(1)
		w.waits[web] = demand.Wait{Since: w.waits[web].Since, Arrived: w.waits[web].Arrived}
		w.pass(time.Second)
	}
	w.wants("False/PodsNotReady", "ImagePullBackOff")
}

// When no request tries any more, it is not known whether the next one is served.
func TestNoRequestSince(t *testing.T) {
	w := newWorld(t)
	w.pod("ImagePullBackOff", "no such image")
	w.hold(1)
	w.pass(DefaultPatience)
	w.wants("False/PodsNotReady", "")
	w.timeOut()
	w.replicas = 0
	w.pass(Quiet - 20*time.Second)
	w.wants("False/PodsNotReady", "no such image")
	w.pass(30 * time.Second)
	w.wants("Unknown/NoRequestSince",
		"The last reason was PodsNotReady: None of 1 Pod of Deployment web is ready: container web: ImagePullBackOff: no such image.")
	writes := w.writes.Load()
	w.pass(time.Hour)
	if w.writes.Load() != writes {
		t.Errorf("%d writes at rest", w.writes.Load()-writes)
	}
	w.replicas = 1
	w.hold(1)
	w.pass(DefaultPatience)
	w.wants("False/PodsNotReady", "")
}

// A failure to read changes nothing: what is not known is no cause.
func TestLookFails(t *testing.T) {
	w := newWorld(t)
	w.pod("ImagePullBackOff", "")
	w.scaleErr = apierrors.NewServiceUnavailable("down")
	w.hold(1)
	w.pass(time.Minute)
	w.wants("", "")
	w.scaleErr = apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web")
	w.pass(lastPause)
	w.wants("False/TargetNotFound", `deployments.apps "web" not found`)
}

// The next leader goes on with the episode: no second event, and the end of it is seen.
func TestNextLeader(t *testing.T) {
	w := newWorld(t)
	w.pod("ImagePullBackOff", "")
	w.hold(1)
	w.pass(DefaultPatience)
	began := w.condition(web).LastTransitionTime
	w.events()
	w.restart()
	w.pass(DefaultPatience)
	w.wants("False/PodsNotReady", "")
	if got := w.events(); len(got) != 0 || w.condition(web).LastTransitionTime != began {
		t.Errorf("told again: %q, %v", got, w.condition(web).LastTransitionTime)
	}
	w.restart()
	w.pod("", "")
	w.serve()
	w.pass(tick)
	w.wants("True/Served", "")
}

// A tenant with many triggers that wait delays its own and no neighbour's.
func TestNamespacesTakeTurns(t *testing.T) {
	var flood []types.NamespacedName
	for i := range 200 {
		flood = append(flood, types.NamespacedName{Namespace: "hostile", Name: fmt.Sprintf("%03d", i)})
	}
	w := newWorld(t, flood...)
	w.pod("ImagePullBackOff", "")
	now := w.clock.Now()
	for _, key := range flood {
		w.waits[key] = demand.Wait{Held: 1, Since: now.Add(-time.Hour), Arrived: now.Add(time.Hour)}
	}
	w.pass(30 * time.Second)
	w.hold(1)
	w.pass(DefaultPatience + 2*tick)
	w.wants("False/PodsNotReady", "")
	if most := int64(ActsPerSecond * 43); w.looks.Load() > most || w.writes.Load() > most {
		t.Errorf("%d looks and %d writes in 42 s", w.looks.Load(), w.writes.Load())
	}
}

// A trigger that is gone leaves nothing.
func TestTriggerGoes(t *testing.T) {
	w := newWorld(t)
	w.pod("ImagePullBackOff", "")
	w.hold(1)
	w.pass(DefaultPatience)
	delete(w.waits, web)
	w.catalog.Set(web, nil)
	w.pass(tick)
	if len(w.keeper.triggers) != 0 {
		t.Errorf("left: %v", w.keeper.triggers)
	}
}
