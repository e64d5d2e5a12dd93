package trigger

import (
	"net"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Types of KEDA's external scalers.
const (
	typeExternal     = "external"
	typeExternalPush = "external-push"
)

// IsOurs says whether a trigger is one of this product, in any spelling (see the package comment).
// address is where KEDA reaches our scaler, host:port; empty: nothing is recognised by it.
func IsOurs(t Trigger, address string) bool {
	switch t.Type {
	case string(v1alpha1.TriggerHTTP), string(v1alpha1.TriggerEnvoyHTTP):
		return true
	case typeExternal, typeExternalPush:
		return isOurType(t.Metadata[keyOriginalType]) || sameAddress(t.Metadata[keyScalerAddress], address)
	default:
		return false
	}
}

// Lookalikes warns of triggers that have the keys of this product and that KEDA does not send to this
// installation: type external or external-push with another scalerAddress, or none. Such a trigger
// is not one of this product, and no other component says that the address is wrong.
func Lookalikes(object Object, address string) []Problem {
	if object.Kind == ScaledJob || address == "" {
		return nil
	}
	var problems []Problem
	for i, t := range object.Triggers {
		if !looksLikeOurs(t) || IsOurs(t, address) {
			continue
		}
		r := newReader(object, i, address)
		const effect = "the trigger gets no HTTPScaler and no route; write scalerAddress %s if the trigger is meant for this installation"
		if written := r.text(keyScalerAddress); written == "" {
			r.warn(keyScalerAddress, "scalerAddress is missing, so KEDA has no scaler to ask and "+effect, address)
		} else {
			r.warn(keyScalerAddress, "scalerAddress %s is not the address of this installation, so KEDA asks another scaler and "+effect,
				quote(written), address)
		}
		problems = append(problems, r.problems...)
	}
	return problems
}

// looksLikeOurs reports whether an external trigger has the keys that every trigger of this product has. The
// chart repeats the rule in CEL (kedify-gateway.lookalike).
func looksLikeOurs(t Trigger) bool {
	if t.Type != typeExternal && t.Type != typeExternalPush {
		return false
	}
	has := func(key string) bool { _, found := t.Metadata[key]; return found }
	return (has(keyScalingMetric) || has(keyScalingMetrics)) && (has(keyHosts) || has(keyExternalProxyMetricKey))
}

// typeOf returns which of our types a trigger of this product stands for.
func typeOf(t Trigger) v1alpha1.TriggerType {
	for _, written := range []string{t.Type, t.Metadata[keyOriginalType]} {
		if isOurType(written) {
			return v1alpha1.TriggerType(written)
		}
	}
	if t.Metadata[keyHosts] == "" && t.Metadata[keyExternalProxyMetricKey] != "" {
		return v1alpha1.TriggerEnvoyHTTP
	}
	return v1alpha1.TriggerHTTP
}

func isOurType(name string) bool {
	return name == string(v1alpha1.TriggerHTTP) || name == string(v1alpha1.TriggerEnvoyHTTP)
}

// spelling checks what KEDA needs to reach the scaler: the type and the address.
func (r *reader) spelling() {
	written := r.trigger.Metadata[keyScalerAddress]
	switch r.trigger.Type {
	case typeExternal:
		r.refuse(fieldType, "type %q is polled only, so a request at zero replicas would wait for the next poll; write %s",
			typeExternal, typeExternalPush)
	case typeExternalPush:
		if written == "" {
			r.refuse(keyScalerAddress, "scalerAddress is missing; type %s needs the address of the scaler%s",
				typeExternalPush, r.addressHint())
		}
		if original := r.trigger.Metadata[keyOriginalType]; original != "" && !isOurType(original) {
			r.refuse(keyOriginalType, "originalType %s is not known; leave it out, or write %s or %s",
				quote(original), v1alpha1.TriggerHTTP, v1alpha1.TriggerEnvoyHTTP)
		}
	}
	if written != "" && r.address != "" && !sameAddress(written, r.address) {
		r.warn(keyScalerAddress, "scalerAddress %s is not the address of this installation%s",
			quote(written), r.addressHint())
	}
}

func (r *reader) addressHint() string {
	if r.address == "" {
		return ""
	}
	return ", " + r.address
}

// sameAddress says whether two gRPC targets lead to the same Service: with or without the dns
// scheme, "svc" and the cluster's domain. Anything else is compared as it is.
func sameAddress(a, b string) bool {
	a, b = canonicalAddress(a), canonicalAddress(b)
	return a != "" && a == b
}

// canonicalAddress returns "service.namespace:port" for the name of a Service.
func canonicalAddress(target string) string {
	target = strings.ToLower(strings.TrimSpace(target))
	for _, scheme := range []string{"dns:///", "passthrough:///", "dns:"} {
		if rest, found := strings.CutPrefix(target, scheme); found {
			target = rest
			break
		}
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return target
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(labels) > 2 && labels[2] == "svc" {
		labels = labels[:2]
	}
	return net.JoinHostPort(strings.Join(labels, "."), port)
}
