package listener

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestGatewayGolden resolves every Gateway of a case and shows what it becomes, and its
// statuses once a proxy has all of it. $CERTIFICATE and $KEY stand for a key pair in base64,
// $CA for a bundle in PEM.
func TestGatewayGolden(t *testing.T) {
	cert := fixture.NewPair(t, "example.com")
	placeholders := strings.NewReplacer(
		"$CERTIFICATE", base64.StdEncoding.EncodeToString(cert.Certificate),
		"$KEY", base64.StdEncoding.EncodeToString(cert.Key),
		"$CA", `"`+strings.ReplaceAll(string(cert.Certificate), "\n", `\n`)+`"`,
	)
	golden.Run(t, "testdata/gateway", func(t *testing.T, c *golden.Case) []golden.Section {
		s := fixture.Store(t, placeholders.Replace(string(c.Input)))
		wanted, statuses := map[string]any{}, map[string]any{}
		for _, key := range s.Keys(store.GatewayClass) {
			if result := class.Resolve(s.View(nil), key.Name); result.Owned {
				statuses["GatewayClass "+key.Name] = fixture.ConditionLines(class.Status(result).Conditions)
			}
		}
		for _, key := range s.Keys(store.Gateway) {
			g := Gateway(s.View(nil), key, class.Setting{})
			if !g.Owned {
				continue
			}
			wanted["Gateway "+key.String()] = gatewayOutline(g)
			in := ready(g)
			statuses["Gateway "+key.String()] = gatewayStatusOutline(GatewayStatus(in))
			for _, set := range g.ListenerSets {
				statuses["ListenerSet "+set.Key.String()] = setStatusOutline(SetStatus(in, set))
			}
		}
		return []golden.Section{{Name: "IR", Body: fixture.YAML(t, wanted)}, {Name: "Status", Body: fixture.YAML(t, statuses)}}
	})
}

// gatewayOutline shows what proxies and their infrastructure get; Secrets by name alone.
func gatewayOutline(g resolve.GatewayResult) map[string]any {
	outline := map[string]any{
		"listeners":      pruned(reflect.ValueOf(ByPort(g, nil))),
		"infrastructure": pruned(reflect.ValueOf(g.Infrastructure)),
	}
	var secrets []string
	for _, secret := range g.Secrets {
		secrets = append(secrets, secretOutline(secret))
	}
	if len(secrets) > 0 {
		outline["secrets"] = secrets
	}
	if g.ClientCertificate != "" {
		outline["clientCertificate"] = g.ClientCertificate
	}
	return outline
}

func secretOutline(secret ir.Secret) string {
	content := "key pair"
	if len(secret.CA) > 0 {
		content = "CA bundle"
	}
	return secret.Name + " (" + content + ", for " + secret.Source.String() + ")"
}

// pruned turns values of the IR into what YAML shows: without zero fields, and sources as
// the text that they have in messages.
func pruned(value reflect.Value) any {
	if source, ok := value.Interface().(ir.Source); ok {
		return source.String()
	}
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil
		}
		return pruned(value.Elem())
	case reflect.Struct:
		fields := map[string]any{}
		for i := range value.NumField() {
			if !value.Field(i).IsZero() {
				fields[value.Type().Field(i).Name] = pruned(value.Field(i))
			}
		}
		return fields
	case reflect.Slice:
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return string(value.Bytes())
		}
		items := make([]any, value.Len())
		for i := range items {
			items[i] = pruned(value.Index(i))
		}
		return items
	}
	return value.Interface()
}

func gatewayStatusOutline(status gwv1.GatewayStatus) map[string]any {
	listeners := map[string]any{}
	for _, l := range status.Listeners {
		listeners[string(l.Name)] = listenerOutline(l.SupportedKinds, l.Conditions)
	}
	return map[string]any{
		"conditions":           fixture.ConditionLines(status.Conditions),
		"listeners":            listeners,
		"attachedListenerSets": *status.AttachedListenerSets,
	}
}

func setStatusOutline(status gwv1.ListenerSetStatus) map[string]any {
	listeners := map[string]any{}
	for _, l := range status.Listeners {
		listeners[string(l.Name)] = listenerOutline(l.SupportedKinds, l.Conditions)
	}
	return map[string]any{"conditions": fixture.ConditionLines(status.Conditions), "listeners": listeners}
}

func listenerOutline(kinds []gwv1.RouteGroupKind, conditions []metav1.Condition) map[string]any {
	return map[string]any{"kinds": groupKinds(kinds), "conditions": fixture.ConditionLines(conditions)}
}
