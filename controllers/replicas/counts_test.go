package replicas

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler"
)

const ms = time.Millisecond

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func triggerOf(apiVersion, kind, name string) *scaler.Scaler {
	return &scaler.Scaler{
		Key: types.NamespacedName{Namespace: "shop", Name: "trigger-" + name},
		Spec: v1alpha1.HTTPScalerSpec{Scale: v1alpha1.HTTPScalerScale{
			Target: v1alpha1.HTTPScalerTarget{APIVersion: apiVersion, Kind: kind, Name: name},
		}},
	}
}

// world is a catalog, its counts and the rows that they watch.
type world struct {
	t       *testing.T
	catalog *scaler.Catalog
	counts  *Counts
	rows    map[string]watch.Row
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, catalog: scaler.NewCatalog(), rows: map[string]watch.Row{}}
	w.counts = New(w.catalog, func(rows ...watch.Row) {
		for _, row := range rows {
			kind := row.Object.GetObjectKind().GroupVersionKind().Kind
			if _, twice := w.rows[kind]; twice {
				t.Errorf("%s is watched twice", kind)
			}
			w.rows[kind] = row
		}
	})
	return w
}

// object passes the trim of its row, as in the cache.
func (w *world) object(kind, name string, spec map[string]any) client.Object {
	w.t.Helper()
	row, watched := w.rows[kind]
	if !watched {
		w.t.Fatalf("%s is not watched", kind)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "shop", "name": name, "labels": map[string]any{"app": name}}, "spec": spec,
	}}
	object.SetGroupVersionKind(row.Object.GetObjectKind().GroupVersionKind())
	return row.Trim(object)
}

func (w *world) wants(of *scaler.Scaler, replicas int32, known bool) {
	w.t.Helper()
	if got, is := w.counts.Of(*of); is != known || known && got != replicas {
		w.t.Errorf("%s: %d replicas, known: %v; want %d, %v", of.Spec.Scale.Target.Name, got, is, replicas, known)
	}
}

// TestReplicasFollowTheObject: unknown until the informer has handed over all objects, then
// spec.replicas, unknown again when the object or its kind goes.
func TestReplicasFollowTheObject(t *testing.T) {
	w := newWorld(t)
	web := triggerOf("apps/v1", "Deployment", "web")
	w.wants(web, 0, false)
	w.catalog.Set(web.Key, web)
	w.catalog.Set(types.NamespacedName{Namespace: "shop", Name: "second"}, triggerOf("apps/v1", "Deployment", "other"))
	row := w.rows["Deployment"]

	zero := w.object("Deployment", "web", map[string]any{"replicas": int64(0), "paused": true})
	row.Handler.Set(nil, zero)
	w.wants(web, 0, false)
	row.Handler.Synced()
	w.wants(web, 0, true)
	w.wants(triggerOf("apps/v1", "Deployment", "other"), 0, false)
	w.wants(triggerOf("apps/v1", "StatefulSet", "web"), 0, false)

	three := w.object("Deployment", "web", map[string]any{"replicas": int64(3)})
	paused := w.object("Deployment", "web", map[string]any{"replicas": int64(3), "paused": true})
	if row.Unchanged(zero, three) || !row.Unchanged(three, paused) {
		t.Error("only a change of spec.replicas is a change")
	}
	row.Handler.Set(zero, three)
	w.wants(web, 3, true)
	row.Handler.Delete(three)
	w.wants(web, 0, false)
	row.Handler.Set(nil, w.object("Deployment", "web", map[string]any{}))
	w.wants(web, 1, true)
	row.Handler.Lost()
	w.wants(web, 0, false)
}

// TestReadyReplicas: status.readyReplicas follows the object, none is none, and they are unknown when the object is.
func TestReadyReplicas(t *testing.T) {
	w := newWorld(t)
	web, rollout := triggerOf("apps/v1", "Deployment", "web"), triggerOf("argoproj.io/v1alpha1", "Rollout", "web")
	w.catalog.Set(web.Key, web)
	w.catalog.Set(types.NamespacedName{Namespace: "shop", Name: "rollout"}, rollout)
	wants := func(of *scaler.Scaler, ready int32, known bool) {
		t.Helper()
		if got, is := w.counts.Ready(*of); is != known || got != ready {
			t.Errorf("%d ready, known: %v; want %d, %v", got, is, ready, known)
		}
	}
	wants(web, 0, false)
	for _, of := range []*scaler.Scaler{web, rollout} {
		kind := of.Spec.Scale.Target.Kind
		row := w.rows[kind]
		starting := w.withStatus(kind, map[string]any{"replicas": int64(3), "unavailableReplicas": int64(3)})
		row.Handler.Set(nil, starting)
		row.Handler.Synced()
		wants(of, 0, true)
		two := w.withStatus(kind, map[string]any{"replicas": int64(3), "readyReplicas": int64(2)})
		if row.Unchanged(starting, two) || !row.Unchanged(two, w.withStatus(kind, map[string]any{"readyReplicas": int64(2)})) {
			t.Errorf("%s: a change of readyReplicas is one", kind)
		}
		row.Handler.Set(starting, two)
		wants(of, 2, true)
		row.Handler.Delete(two)
		wants(of, 0, false)
	}
}

// withStatus is an object of three replicas.
func (w *world) withStatus(kind string, status map[string]any) client.Object {
	w.t.Helper()
	row := w.rows[kind]
	object := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "shop", "name": "web"}, "spec": map[string]any{"replicas": int64(3)}, "status": status,
	}}
	object.SetGroupVersionKind(row.Object.GetObjectKind().GroupVersionKind())
	return row.Trim(object)
}

// TestOnlyListedKindsAreWatched: a tenant's trigger makes no controller list what it names.
func TestOnlyListedKindsAreWatched(t *testing.T) {
	w := newWorld(t)
	for _, of := range []*scaler.Scaler{
		triggerOf("apps/v1", "StatefulSet", "db"), triggerOf("argoproj.io/v1alpha1", "Rollout", "web"),
		triggerOf("v1", "Secret", "a"), triggerOf("v1", "Event", "b"), triggerOf("example.com/v1", "Deployment", "c"), triggerOf("", "", "d"),
	} {
		w.catalog.Set(of.Key, of)
		w.wants(of, 0, false)
	}
	if len(w.rows) != 2 || w.rows["StatefulSet"].Object == nil || w.rows["Rollout"].Object == nil {
		t.Errorf("watched: %v", w.rows)
	}
	for kind, row := range w.rows {
		if !row.Optional {
			t.Errorf("%s is required: an API server that lacks it, or forbids it, would stop the controller", kind)
		}
	}
}

// TestTrimKeepsTheCount: what the cache holds of an object is its identity and spec.replicas.
func TestTrimKeepsTheCount(t *testing.T) {
	w := newWorld(t)
	web := triggerOf("apps/v1", "Deployment", "web")
	w.catalog.Set(web.Key, web)
	kept := w.object("Deployment", "web",
		map[string]any{"replicas": int64(7), "template": map[string]any{"spec": "large"}}).(*unstructured.Unstructured)
	if len(kept.Object["spec"].(map[string]any)) != 1 || kept.GetLabels() != nil || kept.GetName() != "web" || countOf(kept).wanted != 7 {
		t.Errorf("kept %v", kept.Object)
	}
}

// TestRolloutsHaveOneTrim: rows of one kind share a cache, so the trim of Rollouts keeps what the
// counts read and what plans of triggers read.
func TestRolloutsHaveOneTrim(t *testing.T) {
	w := newWorld(t)
	web := triggerOf("argoproj.io/v1alpha1", "Rollout", "web")
	w.catalog.Set(web.Key, web)
	kept := w.object("Rollout", "web", map[string]any{
		"replicas": int64(0), "strategy": map[string]any{"canary": map[string]any{"stableService": "web"}}, "template": map[string]any{"a": "b"},
	}).(*unstructured.Unstructured)
	service, _, _ := unstructured.NestedString(kept.Object, "spec", "strategy", "canary", "stableService")
	if countOf(kept).wanted != 0 || service != "web" || kept.GetLabels()["app"] != "web" || len(kept.Object["spec"].(map[string]any)) != 2 {
		t.Errorf("kept %v", kept.Object)
	}
	w.rows["Rollout"].Handler.Set(nil, kept)
	w.rows["Rollout"].Handler.Synced()
	w.wants(web, 0, true)
}
