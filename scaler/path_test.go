package scaler_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
)

// TestUnseen: the proxies see all requests again one cooldown period after the last moment in which wired
// Services led past them. A first wiring is no such moment.
func TestUnseen(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	ago := func(span time.Duration) metav1.Time { return metav1.NewTime(now.Add(-span)) }
	until := func(span time.Duration) *metav1.Time { at := ago(span); return &at }
	for name, c := range map[string]struct {
		wiring   *v1alpha1.HTTPScalerWiring
		cooldown int32
		want     bool
	}{
		"no wired Service":    {nil, 300, false},
		"wired a second ago":  {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, Since: ago(time.Second)}, 300, false},
		"direct":              {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathDirect, Since: ago(time.Hour)}, 300, true},
		"direct, no cooldown": {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathDirect, Since: ago(time.Hour)}, 0, true},
		"back a moment ago":   {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, DirectUntil: until(0)}, 300, true},
		"back for nearly a cooldown": {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, DirectUntil: until(299 * time.Second)}, 300,
			true},
		"back for a cooldown": {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, DirectUntil: until(300 * time.Second)}, 300,
			false},
		"back a moment ago, no cooldown": {&v1alpha1.HTTPScalerWiring{Path: v1alpha1.PathProxy, DirectUntil: until(0)}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := scaler.PathOf(v1alpha1.HTTPScalerStatus{Wiring: c.wiring})
			if got := path.Unseen(v1alpha1.HTTPScalerScale{CooldownSeconds: c.cooldown}, now); got != c.want {
				t.Errorf("unseen %v, want %v", got, c.want)
			}
		})
	}
}
