package translate

import (
	"strings"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

// headerEdits are header changes in Envoy's two lists.
type headerEdits struct {
	add    []*corev3.HeaderValueOption
	remove []string
}

// outcome is what several changes make of one header.
type outcome struct {
	name   string
	keep   bool // what the message carried survives
	values []string
}

// compose applies changes one after the other, each in the order set, add, remove, and says
// the result in Envoy's terms.
//
// Envoy removes first, then overwrites, then appends, and it does so for the backend before
// the rule. The order of Gateway API needs another one, so the levels are merged here and
// rendered on the backend alone.
func compose(changes ...*ir.HeaderChange) headerEdits {
	var order []*outcome
	byName := map[string]*outcome{}
	of := func(name string) *outcome {
		key := strings.ToLower(name)
		if byName[key] == nil {
			byName[key] = &outcome{name: name, keep: true}
			order = append(order, byName[key])
		}
		return byName[key]
	}
	for _, change := range changes {
		if change == nil {
			continue
		}
		for _, header := range change.Set {
			o := of(header.Name)
			o.keep, o.values = false, []string{header.Value}
		}
		for _, header := range change.Add {
			o := of(header.Name)
			o.values = append(o.values, header.Value)
		}
		for _, name := range change.Remove {
			o := of(name)
			o.keep, o.values = false, nil
		}
	}
	var out headerEdits
	for _, o := range order {
		out.put(o)
	}
	return out
}

func (e *headerEdits) put(o *outcome) {
	if !o.keep && len(o.values) == 0 {
		e.remove = append(e.remove, o.name)
		return
	}
	for i, value := range o.values {
		action := corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD
		if i == 0 && !o.keep {
			action = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
		}
		e.add = append(e.add, &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: o.name, Value: logformat.Literal(value)},
			AppendAction: action,
			// Gateway API sets what it is told to set; Envoy would drop the header.
			KeepEmptyValue: true,
		})
	}
}

// earlyMutation changes the headers of a request before its table is chosen: it removes what only
// the proxy or an endpoint picker may say, then writes the key headers.
//
// The key headers are removed as well, not overwritten alone: Envoy writes no header where the value
// is empty, and what the client sent would stay.
func earlyMutation(chain ir.Chain) (*corev3.TypedExtensionConfig, error) {
	var mutations []*mutationv3.HeaderMutation
	for _, prefix := range append(check.PickerHeaders(), check.EnvoyHeaders) {
		mutations = append(mutations, removeHeaders(prefix))
	}
	removed := []string{ChainHeader, HostHeader, stepHeader, reasonHeader}
	if !chain.Client.Trusting() {
		removed = append(removed, check.ForwardedHeaders...)
	}
	for _, name := range removed {
		mutations = append(mutations, removeHeader(name))
	}
	mutations = append(mutations, addHeader(ChainHeader, logformat.Literal(chain.ID)), addHeader(HostHeader, "%REQ(:authority)%"))
	mutations = append(mutations, parentDecision(chain.Tracing)...)
	return extension("envoy.http.early_header_mutation.header_mutation", &earlyv3.HeaderMutation{Mutations: mutations})
}

func removeHeader(name string) *mutationv3.HeaderMutation {
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Remove{Remove: name}}
}

// removeHeaders removes the headers that begin with a prefix.
func removeHeaders(prefix string) *mutationv3.HeaderMutation {
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_RemoveOnMatch_{
		RemoveOnMatch: &mutationv3.HeaderMutation_RemoveOnMatch{
			KeyMatcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: prefix}},
		},
	}}
}

func addHeader(name, value string) *mutationv3.HeaderMutation {
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}}}
}
