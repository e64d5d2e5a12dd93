package trigger

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/edits"
)

// secrets are parameters that KEDA takes from a TriggerAuthentication only.
var secrets = []string{"caCert", "tlsClientCert", "tlsClientKey"}

// maxUnknown bounds how many unknown keys are compared and warned of.
const maxUnknown = 16

// leftovers warns of keys without a meaning: unknown ones, with the one that was probably
// meant, and those of the other type. KEDA ignores what it does not know, so nothing else would.
func (r *reader) leftovers() {
	unread := 0
	keys := map[string]Key{}
	for _, key := range Keys() {
		keys[key.Name] = key
	}
	for _, name := range slices.Sorted(maps.Keys(r.trigger.Metadata)) {
		key, found := keys[name]
		if !found {
			unread++
		}
		switch {
		case unread > maxUnknown:
			r.warn(name, "%s and perhaps more keys are not known and have no effect; remove them", quote(name))
			return
		case found && !key.readBy(r.kind):
			r.ignore(name, "with "+string(v1alpha1.TriggerEnvoyHTTP))
		case found:
		case slices.Contains(secrets, name):
			r.warn(name, "%s is not read from metadata; put it into a TriggerAuthentication", name)
		case strings.HasSuffix(name, "FromEnv"):
			r.warn(name, "%s is not read: no value is taken from the environment; write %s itself",
				quote(name), quote(strings.TrimSuffix(name, "FromEnv")))
		default:
			r.warn(name, "%s is not known and has no effect; %s", quote(name), remedy(name))
		}
	}
}

func remedy(name string) string {
	if meant := nearest(name); meant != "" {
		return "did you mean " + meant + "?"
	}
	return "remove it"
}

// nearest returns the known key that a name was probably meant to be; empty: none.
func nearest(name string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	const shortest = 4 // of beginnings
	best, fewest := "", len(name)/3+1
	beginning := ""
	for _, key := range Keys() {
		lower, candidate := strings.ToLower(name), strings.ToLower(key.Name)
		if far := edits.Distance(lower, candidate); far < fewest {
			best, fewest = key.Name, far
		}
		if beginning == "" && len(name) >= shortest && strings.HasPrefix(candidate, lower) {
			beginning = key.Name
		}
	}
	return cmp.Or(best, beginning)
}
