package listener

import (
	"fmt"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/auth"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Reasons of GEP-5224 that the API has no constants for. InvalidListenerFilterOrder is never given: filters of the one type that this
// gateway has may stand in any order.
const (
	reasonInvalidFilter    gwv1.ListenerConditionReason = "InvalidListenerFilter"
	reasonInvalidFilterRef gwv1.ListenerConditionReason = "InvalidListenerFilterRef"
)

// resolveFilters reads spec.filters and says why the listener cannot be accepted with them. A listener that served without a filter
// would let requests through that it is to stop: while one is refused, no request for the hostname is served (closed); while the
// service of one cannot be asked, each gets 500.
func (d *declared) resolveFilters(v store.View) resolve.Problem {
	if d.spec.Filters == nil || len(d.spec.Filters.Requests) == 0 {
		return resolve.Problem{}
	}
	filters, problem := d.requestFilters(v, d.spec.Filters.Requests)
	d.Filters = filters
	return problem
}

// closed reports whether a listener that does not serve keeps its hostname from being served by a less specific one, whose requests
// pass other filters or none (Listener.Closed). Where another listener has the hostname by its rank, it is that one's.
func (d *declared) closed() bool {
	return d.keepsHostname() && !d.serves() && (d.conflict.None() || d.mutual)
}

// keepsHostname reports whether the listener has its hostname in spite of other problems. It takes part in conflicts then: a
// second listener with the hostname would be accepted, and all of its requests would get 500.
func (d *declared) keepsHostname() bool {
	filtered := d.spec.Filters != nil && len(d.spec.Filters.Requests) > 0
	return filtered && d.ServesHTTP() && d.checkPort().None() && d.checkHostname().None()
}

// requestFilters reads the filters in their order.
func (d *declared) requestFilters(v store.View, requests []gwv1.ListenerFilter) (*resolve.ListenerFilters, resolve.Problem) {
	if !d.ServesHTTP() {
		return nil, resolve.Problemf(reasonInvalidFilter,
			"filters is set, and protocol %s has no requests; remove filters, or use protocol HTTP or HTTPS.", d.Protocol)
	}
	if len(requests) > ir.MaxListenerFilters {
		return nil, resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"%s has %d filters; keep %d at most.", ir.ListenerFiltersField, len(requests), ir.MaxListenerFilters)
	}
	reader := auth.Reader{
		View: v, From: grant.From{Group: gwv1.GroupName, Kind: string(d.ID.Parent.Kind), Namespace: d.ID.Parent.Key.Namespace},
		Invalid: string(reasonInvalidFilter), Unsupported: string(gwv1.ListenerReasonUnsupportedValue),
	}
	filters := &resolve.ListenerFilters{ListenerFilters: ir.ListenerFilters{Source: d.Source()}}
	for i, filter := range requests {
		path := fmt.Sprintf("%s[%d]", ir.ListenerFiltersField, i)
		if problem := unsupportedFilter(path, filter); !problem.None() {
			return nil, problem
		}
		read, unresolved, problem := reader.Read(path+".externalAuth", filter.ExternalAuth)
		if !problem.None() {
			return nil, problem
		}
		if !unresolved.None() {
			if unresolved.Reason != string(gwv1.ListenerReasonRefNotPermitted) {
				unresolved.Reason = string(reasonInvalidFilterRef)
			}
			d.fail(unresolved)
			filters.Unresolved = true
			continue
		}
		filters.Auths = append(filters.Auths, read)
	}
	return filters, resolve.Problem{}
}

// unsupportedFilter refuses every type but ExternalAuth by name.
func unsupportedFilter(path string, filter gwv1.ListenerFilter) resolve.Problem {
	switch {
	case filter.Type == gwv1.ListenerFilterExternalAuth && filter.ExtensionRef != nil:
		return resolve.Problemf(reasonInvalidFilter, "%s has extensionRef, and its type is ExternalAuth; remove one of them.", path)
	case filter.Type == gwv1.ListenerFilterExternalAuth:
		return resolve.Problem{}
	case filter.Type == gwv1.ListenerFilterExtensionRef && filter.ExtensionRef != nil:
		return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue,
			"%s.extensionRef: kind %q of group %q is not a filter of this gateway; remove the filter.",
			path, filter.ExtensionRef.Kind, filter.ExtensionRef.Group)
	}
	return resolve.Problemf(gwv1.ListenerReasonUnsupportedValue, "%s.type %q is not supported; use ExternalAuth.", path, filter.Type)
}
