package route

import (
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// mirror reads a RequestMirror filter. It is nil when nothing is mirrored: for a share of
// zero, and for a reference that does not resolve, which is reported with the references of
// the route and leaves the rule as it is (Gateway API HTTPRequestMirrorFilter.backendRef).
func (r *routeResolver) mirror(path string, spec *gwv1.HTTPRequestMirrorFilter) (*ir.Mirror, resolve.Problem) {
	if spec == nil {
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s is missing; say where to mirror to, or remove the filter.", path)
	}
	mirror, problem := mirrorShare(path, spec)
	if !problem.None() {
		return nil, problem
	}
	if kind := spec.BackendRef.Kind; kind != nil && *kind == "InferencePool" {
		r.refs = append(r.refs, resolve.Problemf(gwv1.RouteReasonInvalidKind,
			"%s.backendRef: requests cannot be mirrored to an InferencePool, because its endpoint picker is not asked for copies; "+
				"use a Service.", path))
		return nil, resolve.Problem{}
	}
	found, problem := r.backend(path+".backendRef", spec.BackendRef)
	if !problem.None() {
		r.refs = append(r.refs, problem)
		return nil, resolve.Problem{}
	}
	if mirror.Numerator == 0 {
		return nil, resolve.Problem{}
	}
	mirror.Cluster = found.cluster
	return &mirror, resolve.Problem{}
}

// mirrorShare reads the share of the requests, everything when the user says nothing. The
// proxy knows parts of a hundred, ten thousand and a million; other fractions are rounded to
// the last.
func mirrorShare(path string, spec *gwv1.HTTPRequestMirrorFilter) (ir.Mirror, resolve.Problem) {
	if spec.Percent != nil && spec.Fraction != nil {
		return ir.Mirror{}, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s has percent and fraction; keep one of them.", path)
	}
	numerator, denominator := int64(100), int64(100)
	if spec.Percent != nil {
		numerator = int64(*spec.Percent)
	}
	if spec.Fraction != nil {
		numerator = int64(spec.Fraction.Numerator)
		if spec.Fraction.Denominator != nil {
			denominator = int64(*spec.Fraction.Denominator)
		}
	}
	if denominator < 1 || numerator < 0 || numerator > denominator {
		return ir.Mirror{}, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s mirrors %d of %d requests; use a share from none to all.", path, numerator, denominator)
	}
	switch denominator {
	case 100, 10_000, 1_000_000:
	default:
		numerator, denominator = (numerator*1_000_000+denominator/2)/denominator, 1_000_000
	}
	return ir.Mirror{Numerator: uint32(numerator), Denominator: uint32(denominator)}, resolve.Problem{}
}
