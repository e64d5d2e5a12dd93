package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/scaler/trigger"
)

// everyHost is the host that stands for all.
const everyHost = "*"

// maxPassthrough is how many server names go through one Gateway: 64 listeners
// (gwv1.GatewaySpec.Listeners) less those for HTTP, HTTPS and inference.
const maxPassthrough = 61

// refuseConflicts refuses the triggers that ask for what an older one has. Candidates are in
// the order of age.
func (m *maker) refuseConflicts() {
	taken, names, modes := map[string]*candidate{}, map[string]*candidate{}, 0
	owners := hostOwners{}
	for _, c := range m.candidates {
		if !c.generates() {
			continue
		}
		if c.passthrough() && slices.Contains(c.spec.Hosts, everyHost) {
			c.refused = explanation{ReasonUnsupported,
				`hosts "*" does not go with tlsMode passthrough, which needs server names; list them, or write *.example.com.`}
			continue
		}
		if m.Shared {
			if c.refused = owners.conflict(c); !c.refused.none() {
				continue
			}
		}
		if c.refused = conflict(c, taken, names); !c.refused.none() {
			continue
		}
		if c.passthrough() && modes+len(c.spec.Hosts) > maxPassthrough {
			c.refused = explanation{ReasonUnsupported, fmt.Sprintf(
				"hosts: a Gateway takes %d server names with tlsMode passthrough, and those of older triggers are %d; "+
					"write wildcards like *.example.com.",
				maxPassthrough, modes)}
			continue
		}
		owners.claim(c)
		for _, claim := range c.claims() {
			taken[claim.id] = c
		}
		if c.passthrough() {
			modes += len(c.spec.Hosts)
		}
		if c.passthrough() || c.terminates() {
			for _, host := range c.spec.Hosts {
				names[host] = c
			}
		}
	}
}

// claim is one thing that a trigger wants for itself, in words for a message.
type claim struct{ id, text string }

// conflict finds an older trigger that has what this one asks for.
func conflict(c *candidate, taken, names map[string]*candidate) explanation {
	for _, claim := range c.claims() {
		if older := taken[claim.id]; older != nil {
			return explanation{ReasonConflicted, fmt.Sprintf(
				"%s: %s has it already and is older; tell them apart by a host, path, header or model, or delete one.",
				claim.text, older.text())}
		}
	}
	if !c.passthrough() && !c.terminates() {
		return explanation{}
	}
	for _, host := range c.spec.Hosts {
		if older := names[host]; older != nil && older.passthrough() != c.passthrough() {
			return explanation{ReasonConflicted, fmt.Sprintf(
				"tlsMode: %s is older and has host %q with tlsMode %s on port %d; use one mode for both.",
				older.text(), host, older.spec.TLS.Mode, portHTTPS)}
		}
	}
	return explanation{}
}

// claims of a trigger: each host with each path and the headers; with passthrough the server
// names; and the prefix of its health check for every host.
func (c *candidate) claims() []claim {
	var claims []claim
	if c.passthrough() {
		for _, host := range c.spec.Hosts {
			claims = append(claims, claim{"tls " + host, fmt.Sprintf("hosts %q with tlsMode passthrough", host)})
		}
		return claims
	}
	headers := c.headersID()
	for _, host := range c.spec.Hosts {
		for _, path := range c.spec.PathPrefixes {
			text := fmt.Sprintf("hosts %q with pathPrefixes %q", host, path)
			if headers != "" {
				text += " and the same headers"
			}
			id := fmt.Sprintf("%q %q %s", host, path, headers)
			if len(c.spec.Models) == 0 {
				claims = append(claims, claim{id, text})
			}
			for _, name := range c.spec.Models {
				claims = append(claims, claim{fmt.Sprintf("%s model %q", id, name), fmt.Sprintf("%s and model %q", text, name)})
			}
		}
	}
	if prefix := c.spec.HealthCheck.PathPrefix; prefix != "" {
		claims = append(claims, claim{fmt.Sprintf("%q %q ", everyHost, prefix), fmt.Sprintf("healthcheckPathPrefix %q", prefix)})
	}
	return claims
}

func (c *candidate) headersID() string {
	var lines []string
	for _, h := range c.spec.Headers {
		value := trigger.HeaderPattern(h)
		if h.Value != nil {
			value = "=" + *h.Value
		}
		lines = append(lines, fmt.Sprintf("%s %q", h.Name, value))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func (c *candidate) text() string {
	return fmt.Sprintf("trigger %s of ScaledObject %s", c.spec.Trigger, c.of(c.owner.Name))
}
