package trigger

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

const (
	// everyModel takes every request that asks for a model.
	everyModel = "*"
	maxModels  = 16
)

// models are names, exact or with an asterisk at their end.
func (r *reader) models() []string {
	models := r.list(keyModel, maxModels, func(name string) string { return name })
	for _, name := range models {
		if problem := modelProblem(name); problem != "" {
			r.refuse(keyModel, "model item %s %s", quote(name), problem)
		}
	}
	if len(models) > 1 && slices.Contains(models, everyModel) {
		r.refuse(keyModel, "model has %q beside other names, which it includes; keep one or the other", everyModel)
	}
	return models
}

// modelProblem says what is wrong with a model, and the fix.
func modelProblem(name string) string {
	name, _ = strings.CutSuffix(name, everyModel)
	if strings.Contains(name, everyModel) {
		return "has an asterisk before its end, which stands for nothing there; write one at the end, for all names that begin so"
	}
	if problem := check.ModelName(name); problem != "" && name != "" {
		return problem + "; correct it"
	}
	return ""
}

// checkModels compares the models of a trigger with what else its route matches.
func (r *reader) checkModels(spec v1alpha1.HTTPScalerSpec) {
	if len(spec.Models) == 0 {
		return
	}
	if count := len(spec.Models) * len(spec.PathPrefixes); count > maxPaths {
		r.refuse(keyModel, "model with %d items and pathPrefixes with %d make %d pairs and the limit is %d; "+
			"write fewer, or make several triggers", len(spec.Models), len(spec.PathPrefixes), count, maxPaths)
	}
	if slices.ContainsFunc(spec.Headers, func(h v1alpha1.HTTPScalerHeader) bool { return h.Name == ir.ModelHeader }) {
		r.refuse(keyHeaders, "headers has %s, which stands for the model, beside the key model; keep one of them", quote(ir.ModelHeader))
	}
	if len(spec.Headers) >= maxHeaders {
		r.refuse(keyHeaders, "headers has %d items, and with the key model a route takes %d; match fewer", len(spec.Headers), maxHeaders-1)
	}
}

// ModelPattern is the expression (RE2) for the whole name of a model; empty: the name is compared as it is.
func ModelPattern(name string) string {
	prefix, wild := strings.CutSuffix(name, everyModel)
	if !wild {
		return ""
	}
	return regexp.QuoteMeta(prefix) + ".*"
}
