package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Identity tells the accepted triggers of one object apart by what they match: two of them
// never have the same. It is equal for a trigger's metadata (IdentityOf) and its HTTPScaler,
// in whatever order things are written, and means nothing else.
func Identity(spec v1alpha1.HTTPScalerSpec) string {
	if spec.Type == v1alpha1.TriggerEnvoyHTTP {
		return fmt.Sprintf("%s %q %s", spec.Type, spec.Metric.ExternalProxyMetricKey, spec.Metric.Type)
	}
	hosts, prefixes := slices.Sorted(slices.Values(spec.Hosts)), slices.Sorted(slices.Values(spec.PathPrefixes))
	return fmt.Sprintf("%s %q %q %s", spec.Type, hosts, prefixes, headersIdentity(spec.Headers))
}

// IdentityOf is the Identity of metadata as KEDA hands it to its scaler.
func IdentityOf(metadata map[string]string) string {
	r := metadataReader(metadata)
	spec := v1alpha1.HTTPScalerSpec{Type: r.kind, Metric: r.metric()}
	if spec.Type == v1alpha1.TriggerHTTP {
		spec.Hosts, spec.PathPrefixes, spec.Headers = r.hosts(), r.pathPrefixes(), r.headers()
	}
	return Identity(spec)
}

// places returns each single thing that a trigger matches, with words for a message.
func places(spec v1alpha1.HTTPScalerSpec) map[string]string {
	if spec.Type == v1alpha1.TriggerEnvoyHTTP {
		if spec.Metric.ExternalProxyMetricKey == "" {
			return nil
		}
		return map[string]string{Identity(spec): fmt.Sprintf("the %s of cluster %s", spec.Metric.Type, quote(spec.Metric.ExternalProxyMetricKey))}
	}
	headers := headersIdentity(spec.Headers)
	all := map[string]string{}
	for _, host := range spec.Hosts {
		for _, prefix := range spec.PathPrefixes {
			all[fmt.Sprintf("%q %q %s", host, prefix, headers)] = fmt.Sprintf("host %s, path %s and these headers", quote(host), quote(prefix))
		}
	}
	return all
}

func headersIdentity(headers []v1alpha1.HTTPScalerHeader) string {
	lines := make([]string, 0, len(headers))
	for _, h := range headers {
		if h.Value != nil {
			lines = append(lines, fmt.Sprintf("%s=%q", h.Name, *h.Value))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s~%q", h.Name, HeaderPattern(h)))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}
