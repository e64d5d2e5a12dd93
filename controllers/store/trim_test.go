package store

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestContentThatIsNotRead: Secrets and ConfigMaps that are not read cost a replica the memory of their names, and none for their content.
func TestContentThatIsNotRead(t *testing.T) {
	const objects, size, most = 2000, 100 << 10, 4 << 20
	meta := func(i int) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("big-%d", i), Annotations: map[string]string{"a": strings.Repeat("x", 100)}}
	}
	for kind, big := range map[Kind]func(int) client.Object{
		Secret: func(i int) client.Object {
			return &corev1.Secret{ObjectMeta: meta(i), Data: map[string][]byte{"password": make([]byte, size)}}
		},
		ConfigMap: func(i int) client.Object {
			return &corev1.ConfigMap{
				ObjectMeta: meta(i), Data: map[string]string{"values.yaml": strings.Repeat("x", size/2)},
				BinaryData: map[string][]byte{"b": make([]byte, size/2)},
			}
		},
	} {
		before := heap()
		kept := make([]client.Object, objects)
		for i := range kept {
			kept[i] = Trim(big(i))
		}
		grown := heap() - before
		t.Logf("%d %ss of %d KiB: %d KiB", objects, kind, size>>10, grown>>10)
		if grown > most {
			t.Errorf("%ss: more than %d KiB", kind, most>>10)
		}
		runtime.KeepAlive(kept)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestContentThatIsRead: what resolve and the plans of ScaledObjects read of a ConfigMap stays.
func TestContentThatIsRead(t *testing.T) {
	read := []string{
		"ca.crt", "coldStartWaitingPageBody", "coldStartWaitingPageRetryAfter", "coldStartWaitingPageStatusCode",
		"maintenancePageBody", "maintenancePageRetryAfter", "maintenancePageStatusCode", "namespacedValues.shop", "values",
	}
	config := &corev1.ConfigMap{Data: map[string]string{"values.yaml": "x"}, BinaryData: map[string][]byte{"ca.crt": {1}, "other": {2}}}
	for _, key := range read {
		config.Data[key] = "x"
	}
	Trim(config)
	if got := slices.Sorted(maps.Keys(config.Data)); !slices.Equal(got, read) {
		t.Errorf("keys %q", got)
	}
	if len(config.BinaryData) != 1 || config.BinaryData["ca.crt"] == nil {
		t.Errorf("binary keys %v", config.BinaryData)
	}
}
