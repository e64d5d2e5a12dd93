package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// summary shows a plan in few lines: package mirror shows the objects.
func summary(t *testing.T, p Plan) string {
	t.Helper()
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, "- "+format+"\n", args...) }
	for _, object := range p.Objects {
		switch object := object.(type) {
		case *corev1.Service:
			line("apply Service %s: %s", object.Name, serviceText(object))
		case *discoveryv1.EndpointSlice:
			line("apply EndpointSlice %s: %s", object.Name, sliceText(object))
		case *gwv1.ReferenceGrant:
			line("apply ReferenceGrant %s from %s", object.Name, textOf(t, object.Spec.From))
		}
	}
	for _, patch := range p.Rewrites {
		line("rewrite %s: %s", describe(patch.Object), textOf(t, patch.Operations))
	}
	for _, patch := range p.Restores {
		line("restore %s: %s", describe(patch.Object), textOf(t, patch.Operations))
	}
	for _, deletion := range p.Deletions {
		line("delete %s %s", deletion.Kind, deletion.Object.GetName())
	}
	for _, status := range p.Statuses {
		line("status %s: %s", status.Scaler.Name, textOf(t, status.Wiring))
		if status.Rewired != nil {
			line("status %s: Rewired=%s %s: %s", status.Scaler.Name, status.Rewired.Status, status.Rewired.Reason, status.Rewired.Message)
		}
	}
	for _, event := range p.Events {
		line("event %s %s: %s", event.Type, event.Reason, event.Note)
	}
	if len(p.Asleep) > 0 {
		line("asleep %s", p.Asleep)
	}
	if p.Again > 0 {
		line("again in %s", p.Again)
	}
	return out.String()
}

func serviceText(service *corev1.Service) string {
	var ports []string
	for _, port := range service.Spec.Ports {
		ports = append(ports, fmt.Sprintf("%d to %s", port.Port, port.TargetPort.String()))
	}
	where := map[int]string{0: "no selector", 2: "of the proxies", 3: "of nothing"}[len(service.Spec.Selector)]
	return strings.Join(ports, ", ") + " " + where
}

func sliceText(slice *discoveryv1.EndpointSlice) string {
	text := ""
	if path := slice.Annotations["gateway.kedify.io/path"]; path != "" {
		text = "path " + path + " "
	}
	for _, port := range slice.Ports {
		text += fmt.Sprintf(":%d", *port.Port)
	}
	for _, e := range slice.Endpoints {
		state := "not ready"
		switch {
		case *e.Conditions.Ready:
			state = "ready"
		case *e.Conditions.Serving && *e.Conditions.Terminating:
			state = "standby"
		}
		text += " " + e.Addresses[0] + " " + state
	}
	return text
}

func textOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
