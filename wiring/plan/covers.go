package plan

import (
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// maxListed is how many hosts a message names.
const maxListed = 4

// gap is a part of the requests of a reference that no trigger matches: the proxies answer them with 404.
// The zero value: there is none.
type gap struct {
	// hosts that no trigger lists; or else one host, whose path is matched by no trigger.
	hosts []string
	host  string
	path  foreign.Path
	// prefixes of the triggers that list the host.
	prefixes []string
	// partly: a trigger has the host and the path, and asks for headers or models.
	partly bool
}

func (g gap) none() bool { return len(g.hosts) == 0 && g.host == "" }

// uncovered finds requests for hosts and paths that no trigger matches.
func uncovered(hosts []string, paths []foreign.Path, scalers []*v1alpha1.HTTPScaler) gap {
	var unlisted []string
	for _, host := range hosts {
		listing := slices.DeleteFunc(slices.Clone(scalers), func(s *v1alpha1.HTTPScaler) bool { return !takes(s, host) })
		if len(listing) == 0 {
			unlisted = append(unlisted, host)
			continue
		}
		for _, path := range paths {
			if found := missed(host, path, listing); !found.none() && len(unlisted) == 0 {
				return found
			}
		}
	}
	return gap{hosts: unlisted}
}

// missed compares the path of a request with those of the triggers of its host.
func missed(host string, path foreign.Path, listing []*v1alpha1.HTTPScaler) gap {
	found := gap{host: host, path: path}
	for _, scaler := range listing {
		switch matches := covers(scaler, path); {
		case matches && len(scaler.Spec.Headers) == 0 && len(scaler.Spec.Models) == 0:
			return gap{}
		case matches:
			found.partly = true
		}
		found.prefixes = append(found.prefixes, scaler.Spec.PathPrefixes...)
	}
	return found
}

// takes reports whether a trigger has every name that a host matches.
func takes(scaler *v1alpha1.HTTPScaler, host string) bool {
	return slices.ContainsFunc(scaler.Spec.Hosts, func(wide string) bool { return hostname.Covers(named(wide), named(host)) })
}

// lists reports whether a trigger has a name of those that hosts match. No hosts are every host.
func lists(scaler *v1alpha1.HTTPScaler, hosts []string) bool {
	return len(hosts) == 0 || slices.ContainsFunc(scaler.Spec.Hosts, func(a string) bool {
		return slices.ContainsFunc(hosts, func(b string) bool { return hostname.Overlap(named(a), named(b)) })
	})
}

// named is a host as hostname compares it.
func named(host string) string {
	if host == hostname.Every {
		return ""
	}
	return host
}

// everyHost reports whether triggers together have every host.
func everyHost(scalers []*v1alpha1.HTTPScaler) bool {
	return slices.ContainsFunc(scalers, func(s *v1alpha1.HTTPScaler) bool { return takes(s, hostname.Every) })
}

// covers reports whether the prefixes of a trigger match a path. Connections that pass through have none.
func covers(scaler *v1alpha1.HTTPScaler, path foreign.Path) bool {
	prefixes := scaler.Spec.PathPrefixes
	return len(prefixes) == 0 || scaler.Spec.TLS.Mode == v1alpha1.TLSPassthrough ||
		slices.ContainsFunc(prefixes, func(prefix string) bool { return begins(path, prefix) })
}

// begins reports whether every path of a set begins with the segments of a prefix.
func begins(path foreign.Path, prefix string) bool {
	if prefix = strings.TrimSuffix(prefix, "/"); prefix == "" {
		return true
	}
	switch path.Kind {
	case foreign.PathPrefix, foreign.PathExact:
		return path.Value == prefix || strings.HasPrefix(path.Value, prefix+"/")
	case foreign.PathBeginning:
		return strings.HasPrefix(path.Value, prefix+"/")
	case foreign.PathUnknown:
	}
	return false
}

// gapIn names the requests that no trigger matches, and what to add.
func (m *maker) gapIn(w *wired, u *use, g gap) reason {
	to, hosts, prefixes := w.text(m.Namespace), hostsText(g.hosts), listed(g.prefixes)
	switch {
	case len(g.hosts) > 0:
		return because(ReasonHosts, "%s leads to %s for %s, which no trigger for it lists; add %s to hosts.", u.text, to, hosts, hosts)
	case g.partly:
		return because(ReasonHeaders, "%s leads to %s for host %s also without the headers and models that the triggers ask for; "+
			"add a trigger without headers and model.", u.text, to, g.host)
	case g.path.Kind == foreign.PathUnknown:
		return because(ReasonPaths, "%s leads to %s for host %s with paths that a rewrite, a regular expression or a pathType leaves open, and "+
			"the triggers have pathPrefixes %s; add a trigger without pathPrefixes.", u.text, to, g.host, prefixes)
	case g.path.Kind == foreign.PathBeginning && !strings.HasSuffix(g.path.Value, "/"):
		return because(ReasonPaths, "%s leads to %s for paths that begin with %s of host %s, and the triggers have pathPrefixes %s; "+
			"match %s/ there, or add a trigger without pathPrefixes.", u.text, to, g.path.Value, g.host, prefixes, g.path.Value)
	}
	return because(ReasonPaths, "%s leads to %s for path %s of host %s, and the triggers have pathPrefixes %s; "+
		"add %s to pathPrefixes, or a trigger without pathPrefixes.", u.text, to, g.path.Value, g.host, prefixes, g.path.Value)
}

func hostsText(hosts []string) string {
	if len(hosts) == 1 {
		return "host " + hosts[0]
	}
	return "hosts " + listed(hosts)
}

func listed(hosts []string) string {
	return strings.Join(bounded(slices.Clone(hosts), maxListed, "more"), ", ")
}
