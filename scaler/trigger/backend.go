package trigger

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	maxPort = 65535
)

// backend is where requests go.
func (r *reader) backend() v1alpha1.HTTPScalerBackend {
	backend := v1alpha1.HTTPScalerBackend{
		Service:         r.labelName(keyService, "a Service"),
		PortName:        r.labelName(keyPortName, "a port"),
		Port:            r.port(),
		InferencePool:   r.objectName(keyInferencePool, "an InferencePool"),
		FallbackService: r.fallbackService(),
		LoadBalancing:   r.loadBalancing(),
	}
	r.checkService()
	r.checkPortChoice()
	return backend
}

// pooled says whether requests go to an InferencePool.
func (r *reader) pooled() bool { return r.text(keyInferencePool) != "" }

// checkService says whether a missing Service matters. A pool alone can serve, but the vendor
// asks for its Service, which also serves to compare selectors: a warning.
func (r *reader) checkService() {
	switch {
	case r.text(keyService) != "":
	case r.pooled():
		r.warn(keyService, "service is missing; requests go to the inferencePool, but name the Service of the same Pods, too, "+
			"so that their selectors can be compared")
	case isRollout(r.object.Target):
	case r.trigger.Metadata[keyInferencePool] != "":
		r.refuse(keyService, "service is missing, and inferencePool is blank; name the Service of %s or an InferencePool", r.targetNoun())
	default:
		r.refuse(keyService, "service is missing; name the Service of %s", r.targetNoun())
	}
}

// isRollout: an Argo Rollout names its Services itself (stableService, canaryService).
func isRollout(target v1alpha1.HTTPScalerTarget) bool {
	return target.Kind == "Rollout" && strings.HasPrefix(target.APIVersion, "argoproj.io/")
}

func (r *reader) targetNoun() string {
	if r.object.Target.Name == "" {
		return "the application"
	}
	target := targetOf(r.object)
	return target.Kind + " " + target.Name
}

func (r *reader) port() *int32 {
	value := r.text(keyPort)
	if value == "" {
		return nil
	}
	number, err := strconv.ParseUint(value, 10, 16)
	if err != nil || number == 0 {
		r.refuse(keyPort, "port %s is not a port number; use 1 to %d, or portName for the name of a port", quote(value), maxPort)
		return nil
	}
	port := int32(number)
	return &port
}

// checkPortChoice wants exactly one of port and portName, where there is a Service to have it.
func (r *reader) checkPortChoice() {
	number, name := r.text(keyPort), r.text(keyPortName)
	switch {
	case number != "" && name != "":
		r.refuse(keyPort, "port %s and portName %s are both set; keep one", quote(number), quote(name))
	case number == "" && name == "" && (r.text(keyService) != "" || !r.pooled()):
		r.refuse(keyPort, "port is missing; set port, or portName for the name of a port of the Service")
	}
}

// loadBalancing defaults to the vendor's name for what every backend gets here.
func (r *reader) loadBalancing() v1alpha1.LoadBalancing {
	if !r.pooled() {
		return choice(r, keyLoadBalancing, v1alpha1.LoadBalancingDNS, v1alpha1.LoadBalancingDNS, v1alpha1.LoadBalancingEDS)
	}
	if r.text(keyLoadBalancing) == string(v1alpha1.LoadBalancingDNS) {
		r.refuse(keyLoadBalancing, "loadbalancing %q does not go with inferencePool, whose picker chooses Pods; use %s or leave it out",
			v1alpha1.LoadBalancingDNS, v1alpha1.LoadBalancingEDS)
	}
	return choice(r, keyLoadBalancing, v1alpha1.LoadBalancingEDS, v1alpha1.LoadBalancingDNS, v1alpha1.LoadBalancingEDS)
}

func (r *reader) fallbackService() string {
	name := r.labelName(keyFallbackService, "a Service")
	if name != "" && name == r.text(keyService) {
		r.refuse(keyFallbackService, "fallbackService %s is the service itself; name the Service with the selector", quote(name))
	}
	return name
}

// tls needs to know what else is routed by.
func (r *reader) tls(spec v1alpha1.HTTPScalerSpec) v1alpha1.HTTPScalerTLS {
	secret := r.objectName(keyTLSSecretName, "a Secret")
	otherwise := v1alpha1.TLSPlaintext
	if secret != "" {
		otherwise = v1alpha1.TLSReencrypt // what the vendor's samples with a Secret and no mode expect
	}
	tls := v1alpha1.HTTPScalerTLS{
		Mode:       choice(r, keyTLSMode, otherwise, v1alpha1.TLSPlaintext, v1alpha1.TLSReencrypt, v1alpha1.TLSPassthrough),
		SecretName: secret,
	}
	switch tls.Mode {
	case v1alpha1.TLSReencrypt:
		if r.text(keyTLSSecretName) == "" {
			r.refuse(keyTLSSecretName, "tlsSecretName is missing; tlsMode %q needs a Secret of type kubernetes.io/tls", v1alpha1.TLSReencrypt)
		}
	case v1alpha1.TLSPassthrough:
		r.passthrough(spec)
		tls.SecretName = ""
	case v1alpha1.TLSPlaintext: // with a Secret or without
	}
	return tls
}

// passthrough: the proxy sees the server name of a connection, and nothing inside of it.
func (r *reader) passthrough(spec v1alpha1.HTTPScalerSpec) {
	const reason = "with tlsMode \"passthrough\", which sees server names only"
	if !slices.Equal(spec.PathPrefixes, []string{rootPath}) {
		r.refuse(keyPathPrefixes, "pathPrefixes %s does not go %s; leave it out, or use reencrypt",
			quote(r.text(keyPathPrefixes)), reason)
	}
	if r.text(keyModel) != "" {
		r.refuse(keyModel, "model does not go %s; leave it out, or use reencrypt", reason)
	}
	if r.text(keyHeaders) != "" {
		r.refuse(keyHeaders, "headers does not go %s; leave it out, or use reencrypt", reason)
	}
	if r.pooled() {
		r.refuse(keyInferencePool, "inferencePool %s does not go %s; use plaintext or reencrypt",
			quote(r.text(keyInferencePool)), reason)
	}
	for _, host := range spec.Hosts {
		if _, err := netip.ParseAddr(host); err == nil { // RFC 6066 3
			r.refuse(keyHosts, "hosts item %s is an address, and does not go %s: no client names an address there; use a DNS name",
				quote(host), reason)
		}
	}
	for _, key := range []string{
		keyTLSSecretName, keyHealthcheckPath, keyHealthcheckResponse, keyHealthcheckPathPrefix,
		keyWaitingPageEnabled, keyWaitingPageConfigMap, keyMaintenancePageEnabled, keyMaintenancePageConfigMap,
	} {
		r.ignore(key, reason)
	}
}
