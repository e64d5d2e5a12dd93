package metric_test

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

var (
	key     = types.NamespacedName{Namespace: "app", Name: "chat-0"}
	errPods = errors.New("2 of 3 Pods are unknown")
)

// says is what the Pods of key say: requests that wait, and a share of the cache.
type says struct {
	value float64
	err   error
}

func (s says) Waiting(of types.NamespacedName) (float64, error)    { return s.of(of) }
func (s says) CacheUsage(of types.NamespacedName) (float64, error) { return s.of(of) }

func (s says) of(of types.NamespacedName) (float64, error) {
	if of != key {
		return 0, errors.New("another trigger")
	}
	return s.value, s.err
}

// What Pods say is the value, held requests wait as well, and what is unknown is an error whatever is held.
func TestPods(t *testing.T) {
	table := func(of says) metric.Table {
		return metric.All.With(v1alpha1.QueueDepth, metric.QueueDepth(of)).With(v1alpha1.KVCache, metric.KVCache(of))
	}
	for _, c := range []struct {
		kind v1alpha1.MetricType
		name string
		pods says
		held int
		want float64
		err  error
	}{
		{v1alpha1.QueueDepth, "http-queue-depth", says{value: 7}, 0, 7, nil},
		{v1alpha1.QueueDepth, "http-queue-depth", says{value: 7}, 3, 10, nil},
		{v1alpha1.QueueDepth, "http-queue-depth", says{value: 0}, 40, 40, nil}, // no Pods: the held requests alone
		{v1alpha1.QueueDepth, "http-queue-depth", says{err: errPods}, 40, 0, errPods},
		{v1alpha1.KVCache, "http-kv-cache", says{value: 0.7}, 40, 0.7, nil},
		{v1alpha1.KVCache, "http-kv-cache", says{value: 0}, 40, 0, nil},
		{v1alpha1.KVCache, "http-kv-cache", says{err: errPods}, 0, 0, errPods},
	} {
		m := table(c.pods).Of(v1alpha1.HTTPScalerMetric{Type: c.kind})
		if value, err := m.Value(window.Traffic{Key: key, Held: c.held}); m.Name() != c.name || value != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v: %s is %v, %v", c, m.Name(), value, err)
		}
		// Whether the workload is to run is asked of no Pod.
		if m.Exceeds(window.Traffic{Key: key}, 0) || !m.Exceeds(window.Traffic{Key: key, InFlight: 1}, 0) ||
			m.Exceeds(window.Traffic{Key: key, InFlight: 5}, 5) {
			t.Errorf("%+v: activity", c)
		}
	}
}
