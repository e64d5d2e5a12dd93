package peers

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// merge adds what the proxies of other replicas have to what those of this replica have. What
// is desired stands in own: a listener counts as served when a proxy anywhere accepted the
// version that this replica desires, and none refused it.
func merge(own publish.Delivery, others []publish.Delivery) publish.Delivery {
	merged := publish.Delivery{
		Gateway:   own.Gateway,
		Connected: own.Connected,
		Listeners: maps.Clone(own.Listeners),
		Versions:  own.Versions,
		Synced:    own.Synced || own.Connected == 0,
		Rejected:  slices.Clone(own.Rejected),
	}
	for _, other := range others {
		merged.Connected += other.Connected
		if behind(other, own) {
			merged.Synced = false
		}
		for name, served := range other.Listeners {
			if wanted, ok := own.Versions[name]; ok && served && other.Versions[name] == wanted {
				merged.Listeners[name] = true
			}
		}
		for _, rejection := range other.Rejected {
			if concerns(rejection, own) {
				merged.Rejected = append(merged.Rejected, rejection)
			}
		}
	}
	merged.Synced = merged.Synced && merged.Connected > 0
	merged.Rejected = distinct(merged.Rejected)
	for _, rejection := range merged.Rejected {
		if _, listens := merged.Listeners[rejection.Resource.Name]; listens && rejection.Resource.Type == resource.Listener {
			merged.Listeners[rejection.Resource.Name] = false
		}
	}
	return merged
}

// behind reports whether the proxies of another replica lack something that this one desires.
func behind(other, own publish.Delivery) bool {
	return other.Connected > 0 && (!other.Synced || !maps.Equal(other.Versions, own.Versions))
}

// concerns reports whether a rejection elsewhere is about what this replica desires. That is
// known of listeners; of anything else the rejection is believed.
func concerns(rejection publish.Rejection, own publish.Delivery) bool {
	return rejection.Resource.Type != resource.Listener || own.Versions[rejection.Resource.Name] == rejection.Version
}

// distinct sorts rejections, and keeps the first that there was of each version.
func distinct(rejections []publish.Rejection) []publish.Rejection {
	slices.SortFunc(rejections, func(a, b publish.Rejection) int {
		return cmp.Or(cmp.Compare(a.Resource.Type, b.Resource.Type), cmp.Compare(a.Resource.Name, b.Resource.Name),
			cmp.Compare(a.Version, b.Version), a.Since.Compare(b.Since), cmp.Compare(a.Node, b.Node))
	})
	return slices.CompactFunc(rejections, sameRejection)
}

func sameRejection(a, b publish.Rejection) bool {
	return a.Resource == b.Resource && a.Version == b.Version
}

// equalRejection also compares how much of a rule is withheld.
func equalRejection(a, b publish.Rejection) bool {
	return sameRejection(a, b) && a.Form() == b.Form()
}

// equal compares what status depends on: that versions changed, and all proxies with them, is
// not reported.
func equal(a, b publish.Delivery) bool {
	return a.Connected == b.Connected && a.Synced == b.Synced && maps.Equal(a.Listeners, b.Listeners) &&
		slices.EqualFunc(a.Rejected, b.Rejected, equalRejection)
}

// fades reports whether something that was served is served no more, and no proxy said why:
// that is also how it looks while proxies change replicas, or one replica is ahead of another.
func fades(before, now publish.Delivery) bool {
	if !slices.EqualFunc(before.Rejected, now.Rejected, equalRejection) {
		return false
	}
	if before.Connected > 0 && now.Connected == 0 {
		return true
	}
	for name, served := range now.Listeners {
		if before.Listeners[name] && !served {
			return true
		}
	}
	return false
}
