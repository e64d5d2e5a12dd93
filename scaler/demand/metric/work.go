package metric

import (
	"errors"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// CountsWork reports whether a trigger scales by the work of its requests: bytes, tokens, times to the first token. Its proxies count
// that for no other.
func CountsWork(spec v1alpha1.HTTPScalerSpec) bool {
	_, tokens := spec.MetricOf(v1alpha1.TokenRate)
	_, first := spec.MetricOf(v1alpha1.TTFT)
	return tokens || first
}

// WorkOf returns how the work of the requests of a trigger is kept; nil: it does not scale by it.
func WorkOf(spec v1alpha1.HTTPScalerSpec) *window.WorkSettings {
	if !CountsWork(spec) {
		return nil
	}
	of := &window.WorkSettings{Staffing: staffing.Defaults(), FirstTokens: staffing.DefaultWindow}
	if tokens, has := spec.MetricOf(v1alpha1.TokenRate); has && tokens.TokenRate != nil {
		of.Staffing = staffingOf(tokens.TokenRate)
	}
	if first, has := spec.MetricOf(v1alpha1.TTFT); has && first.TTFT != nil {
		of.FirstTokens = first.TTFT.Window.Duration
	}
	return of
}

// errNotReported says that requests were counted, and not their work.
var errNotReported = errors.New("the proxies count the requests, and not their tokens: they were started by an older version, or are no " +
	"proxies of a Gateway; they count both when they are replaced")

// Asked returns the work of some traffic, or why it is not known.
func Asked(t *window.Traffic) (*window.Asked, error) {
	if t.Work == nil || !t.Work.Reported && t.Held == 0 && t.Rate > 0 {
		return nil, errNotReported
	}
	return t.Work, nil
}
