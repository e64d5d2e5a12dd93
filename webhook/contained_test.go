package webhook

import (
	"context"
	"net/http"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// panics is a handler with a defect.
type panics struct{}

func (panics) Handle(context.Context, admission.Request) admission.Response {
	panic("index out of range")
}

// TestX10PanicOfAReview: a review that panics is answered with an error, and ends nothing else.
func TestX10PanicOfAReview(t *testing.T) {
	response := (&admission.Webhook{Handler: panics{}}).Handle(t.Context(), request(t, good))
	if response.Allowed || response.Result == nil || response.Result.Code != http.StatusInternalServerError {
		t.Errorf("answer %+v", response)
	}
}
