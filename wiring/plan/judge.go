package plan

import (
	"slices"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// judge decides whether a reference is to lead to the proxies, and for which triggers.
func (m *maker) judge(w *wired, u *use) {
	if u.ref.Refused != "" && !u.byHand && u.why.none() {
		u.why = because(ReasonUnsupported, "%s: %s", u.text, u.ref.Refused)
	}
	number, why := w.portFor(u)
	if u.why.none() {
		u.why = why
	}
	if !u.why.none() || len(w.scalers) == 0 {
		return
	}
	if _, proxied := w.ports[number]; !proxied && w.Service() != nil {
		u.why = because(ReasonPort, "%s leads to port %d of %s, which the trigger does not name.", u.text, number, w.text(m.Namespace))
		return
	}
	reasons := map[*v1alpha1.HTTPScaler]reason{}
	var fitting []*v1alpha1.HTTPScaler
	for _, scaler := range w.scalers {
		if why := m.fits(w, u, scaler, number); why.none() {
			fitting = append(fitting, scaler)
		} else {
			reasons[scaler] = why
		}
	}
	m.match(w, u, fitting, reasons)
}

// match compares the requests of a reference with those of the triggers that fit. A reference is rewritten
// if they match all of them; a user who names the wired Service by hand, or gives no host, is told which they
// do not match.
func (m *maker) match(w *wired, u *use, fitting []*v1alpha1.HTTPScaler, reasons map[*v1alpha1.HTTPScaler]reason) {
	u.scalers = slices.DeleteFunc(slices.Clone(fitting), func(s *v1alpha1.HTTPScaler) bool { return !lists(s, u.ref.Hosts) })
	gap := uncovered(u.hosts(fitting), u.ref.Paths, fitting)
	switch {
	case len(fitting) == 0 || !gap.none() && !u.byHand:
		u.why = m.hole(w, u, gap, reasons)
		u.scalers = nil
	case !gap.none():
		u.unmatched = m.gapIn(w, u, gap).text
	case len(u.ref.Hosts) == 0 && !everyHost(fitting):
		u.unmatched = m.hostless(w, u, fitting).text
	}
}

// hole says why requests of a reference are matched by no trigger: if one that does not fit would, then what
// it lacks.
func (m *maker) hole(w *wired, u *use, gap gap, reasons map[*v1alpha1.HTTPScaler]reason) reason {
	var first reason
	for _, scaler := range w.scalers {
		why, unfit := reasons[scaler]
		if unfit && first.none() && lists(scaler, u.ref.Hosts) {
			first = why
		}
	}
	closed := uncovered(u.hosts(w.scalers), u.ref.Paths, w.scalers)
	if !first.none() && (closed.none() || gap.none()) {
		return first
	}
	return m.gapIn(w, u, gap)
}

// hosts of a reference; of one without, those that the triggers list.
func (u *use) hosts(scalers []*v1alpha1.HTTPScaler) []string {
	if len(u.ref.Hosts) > 0 {
		return u.ref.Hosts
	}
	var all []string
	for _, scaler := range scalers {
		all = append(all, scaler.Spec.Hosts...)
	}
	return all
}

// fits says why the requests of a reference cannot be those of a trigger, with any hosts and paths.
func (m *maker) fits(w *wired, u *use, scaler *v1alpha1.HTTPScaler, number int32) reason {
	switch {
	case w.portOf(scaler) != number:
		return because(ReasonPort, "%s leads to port %d of %s, which the trigger does not name.", u.text, number, w.text(m.Namespace))
	case !w.refused[scaler.Name].none():
		return w.refused[scaler.Name]
	case !u.byHand && !allows(scaler, u.kind):
		return because(ReasonKind, "%s is not rewired, because trafficAutowire does not list %s.", u.text, u.kind)
	case u.ref.TLS && w.ports[number] != portHTTPS:
		return because(ReasonTLS, "%s speaks TLS to %s, and the proxies have no certificate for it; add tlsSecretName to the trigger.",
			u.text, w.text(m.Namespace))
	case standingOf(scaler) == unserved:
		return because(ReasonNoRoute, "%s is not rewired, because the trigger has no route on Gateway %s.", u.text, m.Proxy)
	}
	return reason{}
}
