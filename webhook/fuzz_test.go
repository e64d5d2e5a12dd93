package webhook

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kedify/inference-gateway/scaler/trigger"
)

// FuzzReview has the handlers answer any body, as a client that reaches the port may send it: with a review or with an error
// of HTTP, and never by falling over. Of a ScaledObject, a rewritten one is not rewritten again.
func FuzzReview(f *testing.F) {
	for _, object := range []string{
		`{"spec":{"triggers":[{"type":"kedify-http","metadata":{"hosts":"a.test","service":"web","port":"80"}}]}}`,
		`{"spec":{"triggers":[{"type":"external-push","metadata":{"scalerAddress":"gw:9090"},"authenticationRef":{"name":"x"}}]}}`,
		`{"spec":{"triggers":[null,1,{"type":1,"metadata":[],"authenticationRef":"x"}]}}`,
		`{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}}`, `{"spec":[]}`, `null`, `1e999`,
	} {
		for _, kind := range []string{"ScaledObject", "ScaledJob", "Pod"} {
			f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","kind":{"kind":"` +
				kind + `"},"object":` + object + `}}`))
		}
	}
	f.Add([]byte(`{`))
	server := NewServer(Options{ScalerAddress: "gw.system:9090", Clock: clocktesting.NewFakeClock(time.Unix(0, 0)), Log: logr.Discard()})
	rule := trigger.Rewriting{ScalerAddress: "gw.system:9090"}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{ValidatePath, MutatePath} {
			question := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
			question.Header.Set("Content-Type", "application/json")
			answer := httptest.NewRecorder()
			server.handler.ServeHTTP(answer, question)
			var review admissionv1.AdmissionReview
			if answer.Code == http.StatusOK && (json.Unmarshal(answer.Body.Bytes(), &review) != nil || review.Response == nil) {
				t.Fatalf("%s answers %q", path, answer.Body)
			}
		}
		rewritten, err := Rewrite(body, rule)
		if err != nil || rewritten == nil {
			return
		}
		if again, err := Rewrite(rewritten, rule); err != nil || again != nil {
			t.Fatalf("%s is rewritten to %s and then to %s, %v", body, rewritten, again, err)
		}
	})
}
