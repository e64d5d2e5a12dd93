package trigger

import (
	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Types of KEDA's external scalers.
const (
	typeExternal     = "external"
	typeExternalPush = "external-push"
)

// IsOurs says whether a trigger is one of ours, in any spelling (see the package comment).
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

// typeOf returns which of our types a trigger of ours stands for.
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

// spelling checks what KEDA needs to reach us: the type and the address.
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
