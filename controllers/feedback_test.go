package controllers_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	k8sevents "k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// The API server refuses the note of an event over 1,024 bytes; a long rejection is told
// nevertheless.
func TestLongRejectionMakesAnEvent(t *testing.T) {
	route := &gwv1.HTTPRoute{}
	route.Namespace, route.Name = "apps", "r"
	recorder := k8sevents.NewFakeRecorder(10)
	reader := fake.NewClientBuilder().WithScheme(controllers.NewScheme()).WithObjects(route).Build()
	feedback := controllers.NewFeedback(nil, events.NewWriter(recorder, reader))
	feedback.Announce(publish.Delivery{Rejected: []publish.Rejection{{
		Resource: resource.Key{Type: resource.Route, Name: "80/a.example.com"}, Version: "1", Node: "envoy-1",
		Message: strings.Repeat("ž", 2000), Sources: []ir.Source{{Kind: "HTTPRoute", Namespace: "apps", Name: "r"}},
	}}})
	select {
	case event := <-recorder.Events:
		note := strings.TrimPrefix(event, "Warning RejectedByProxy ")
		if len(note) > 1024 || !utf8.ValidString(note) {
			t.Errorf("the API server refuses a note of %d bytes, valid UTF-8: %t", len(note), utf8.ValidString(note))
		}
	default:
		t.Error("no event")
	}
}
