package scaler

import (
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Path says whether requests through wired Services go past the proxies. The zero value: they do not, and
// never did.
type Path struct {
	Direct bool
	// Until is when they went past the proxies last; zero: never, or Direct.
	Until time.Time
}

// PathOf reads the status of an HTTPScaler.
func PathOf(status v1alpha1.HTTPScalerStatus) Path {
	wiring := status.Wiring
	switch {
	case wiring == nil:
		return Path{}
	case wiring.Path == v1alpha1.PathDirect:
		return Path{Direct: true}
	case wiring.DirectUntil == nil:
		return Path{}
	}
	return Path{Until: wiring.DirectUntil.UTC()}
}

// Same compares two paths.
func (p Path) Same(other Path) bool { return p.Direct == other.Direct && p.Until.Equal(other.Until) }

// Unseen reports whether the proxies do not see all requests of a trigger: while these go past them, and
// for one cooldown period after, because clients keep their connections.
func (p Path) Unseen(scale v1alpha1.HTTPScalerScale, now time.Time) bool {
	cooldown := time.Duration(scale.CooldownSeconds) * time.Second
	return p.Direct || !p.Until.IsZero() && now.Before(p.Until.Add(cooldown))
}
