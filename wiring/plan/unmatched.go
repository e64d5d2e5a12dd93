package plan

import (
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// unmatched says which requests of uses get 404.
func unmatched(uses []*use) []string {
	var texts []string
	for _, u := range uses {
		if u.unmatched != "" {
			texts = append(texts, u.unmatched)
		}
	}
	return bounded(texts, maxReasons, "more references have such requests.")
}

// hostless says what a reference without hosts loses.
func (m *maker) hostless(w *wired, u *use, scalers []*v1alpha1.HTTPScaler) reason {
	return because(ReasonUnmatched, "%s leads to %s for every host, and the proxies answer requests for other hosts than %s with 404; "+
		`set hosts to "*", or write hosts in the object.`, u.text, w.text(m.Namespace), listed(u.hosts(scalers)))
}

// unmatchedOf says which requests that a Service leads to the proxies no trigger matches.
func (m *maker) unmatchedOf(w *wired, scaler *v1alpha1.HTTPScaler) []string {
	if !m.unrendered(w).none() || !w.refused[scaler.Name].none() {
		return nil
	}
	if w.inCluster {
		return m.inClusterUnmatched(w)
	}
	var uses []*use
	for _, u := range w.uses {
		if u.leads && u.why.none() && !u.abroad && (len(u.scalers) == 0 || slices.Contains(u.scalers, scaler)) {
			uses = append(uses, u)
		}
	}
	return unmatched(uses)
}

// inClusterUnmatched compares the names by which clients in the cluster know a Service with the hosts of its
// triggers.
func (m *maker) inClusterUnmatched(w *wired) []string {
	scalers := slices.DeleteFunc(slices.Clone(w.scalers), func(s *v1alpha1.HTTPScaler) bool {
		return !w.refused[s.Name].none() || standingOf(s) == unserved
	})
	paths := []foreign.Path{{Kind: foreign.PathPrefix, Value: "/"}}
	gap := uncovered(clusterNames(w.name, m.Namespace, scalers), paths, scalers)
	var why reason
	switch {
	case gap.none(), !slices.ContainsFunc(w.slices, mirror.Ours): // or not yet
		return nil
	case len(gap.hosts) > 0:
		why = because(ReasonUnmatched, "The proxies answer requests to Service %s/%s for %s with 404; add what clients use to hosts.",
			m.Namespace, w.name, hostsText(gap.hosts))
	case gap.partly:
		why = because(ReasonUnmatched, "The proxies answer requests to Service %s/%s for host %s without the headers and models of the "+
			"trigger with 404; add a trigger without headers and model.", m.Namespace, w.name, gap.host)
	default:
		why = because(ReasonUnmatched, "The proxies answer requests to Service %s/%s for host %s and other paths than %s with 404; "+
			"add a trigger without pathPrefixes.", m.Namespace, w.name, gap.host, listed(gap.prefixes))
	}
	return []string{why.text}
}

// clusterNames are the names of a Service in the DNS of the cluster. The last one has the cluster's domain:
// that of a host of a trigger, if there is one.
func clusterNames(service, namespace string, scalers []*v1alpha1.HTTPScaler) []string {
	full := service + "." + namespace + ".svc"
	domain := "cluster.local"
	for _, scaler := range scalers {
		for _, host := range scaler.Spec.Hosts {
			if rest, has := strings.CutPrefix(host, full+"."); has {
				domain = rest
			}
		}
	}
	return []string{service, service + "." + namespace, full, full + "." + domain}
}
