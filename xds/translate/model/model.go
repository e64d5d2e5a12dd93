// Package model has the model that a request asks for read from its body, and compared by routes.
//
// Job: the matches of Envoy that look at the model of a request, the script that reads it, and what a host tells the script.
// Inputs: values of xds/ir. Outputs: parts of Envoy's messages. PURE. Ownership: values.
//
// The script stands behind the filters of a listener (package translate, rematch). A host without rules for models has nothing of it
// run. Why a script, and not a filter of Envoy: docs/adr/0062-model-routing.md.
package model

import (
	_ "embed"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Script is the source of the script.
//
//go:embed rematch.lua
var Script string

// Route is the name of the routes that have the model read. The script compares it.
const Route = "model"

// Dynamic metadata that the script writes.
const (
	namespace = "kedify.model"
	nameKey   = "name" // of the model
	readKey   = "read" // there when the body was looked at, with or without a model in it
)

// bodiesAtOnce is how many bodies of the largest size each worker waits for at once, by chain. The bodies of a host, of its clients
// and of its tenants, are in the memory of the proxy before any rule is chosen.
const bodiesAtOnce = 8

// Headers are those that clients may not say to hosts that read models: the model, which the script says, and another name of the
// model for what stands behind the choice of the route, now and before llm-d renamed it.
var Headers = []string{
	ir.ModelHeader, "x-llm-d-model-name-rewrite", "x-llm-d-router-model-name-rewrite", "x-gateway-model-name-rewrite",
}

// Takes compares the model.
func Takes(m ir.ModelMatch) *matcherv3.MetadataMatcher {
	text := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: m.Value}}
	if m.Regex {
		text.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: m.Value}}
	}
	return at(nameKey, &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_StringMatch{StringMatch: text}})
}

// Unread takes requests whose body was not looked at.
func Unread() *matcherv3.MetadataMatcher {
	unread := at(readKey, &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_PresentMatch{PresentMatch: true}})
	unread.Invert = true
	return unread
}

func at(key string, value *matcherv3.ValueMatcher) *matcherv3.MetadataMatcher {
	return &matcherv3.MetadataMatcher{
		Filter: namespace,
		Path: []*matcherv3.MetadataMatcher_PathSegment{{
			Segment: &matcherv3.MetadataMatcher_PathSegment_Key{Key: key},
		}},
		Value: value,
	}
}

// Body is the largest body that is read on a host, in bytes.
func Body(h ir.Host) uint64 {
	if h.ModelBody == 0 {
		return ir.DefaultModelBody
	}
	return h.ModelBody
}

// Context is what the script is told about a host that reads models. again: filters of the listener have run, so that the route of the
// request may be another one by now.
func Context(h ir.Host, again bool) *structpb.Struct {
	limit := float64(Body(h))
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"limit": structpb.NewNumberValue(limit),
		"share": structpb.NewNumberValue(bodiesAtOnce * limit),
		"again": structpb.NewBoolValue(again),
		"alone": structpb.NewBoolValue(h.OnlyModels()),
	}}
}
