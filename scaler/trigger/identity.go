package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	// loneTrigger stands for the name of a trigger without one.
	loneTrigger = "0"
	// maxName lets the name be a label value and a DNS label of Service names (RFC 1123),
	// although the API server would take 253 bytes.
	maxName = 63
	// hashDigits of SHA-256 in hexadecimal: 40 bits.
	hashDigits = 10
)

// plainName is a trigger name that needs no hash: without a dash, so that "a" of "x-b" and
// "b-a" of "x" do not meet.
var plainName = regexp.MustCompile(`^[a-z0-9]+$`)

// ScalerName names the HTTPScaler of a trigger: "<scaledobject>-<trigger>", with "0" for a
// trigger without a name. Triggers of different names or objects of one namespace never share
// a name: one that is no plain word (lower-case letters and digits) or makes more than 63
// bytes gets a hash: "shop-blue-green-3f29a01b77". The result depends on nothing else.
func ScalerName(scaledObject, trigger string) string {
	if trigger == "" {
		trigger = loneTrigger
	}
	name := scaledObject + "-" + trigger
	if plainName.MatchString(trigger) && len(name) <= maxName && scaledObject != "" && slug(scaledObject) == scaledObject {
		return name
	}
	sum := sha256.Sum256([]byte(scaledObject + "\x00" + trigger))
	hash := hex.EncodeToString(sum[:])[:hashDigits]
	stem := slug(name)
	if room := maxName - 1 - hashDigits; len(stem) > room {
		stem = strings.TrimRight(stem[:room], "-.")
	}
	return strings.TrimPrefix(stem+"-"+hash, "-")
}

// slug keeps what object names may have: lower-case letters, digits, dashes, and dots between
// letters or digits.
func slug(text string) string {
	dashed := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.':
			return c
		default:
			return '-'
		}
	}, strings.ToLower(text))
	var labels []string
	for _, label := range strings.Split(dashed, ".") {
		if label = strings.Trim(label, "-"); label != "" {
			labels = append(labels, label)
		}
	}
	return strings.Join(labels, ".")
}

// Identity tells the accepted triggers of one object apart by what they match: two of them
// never have the same. It is equal for a trigger's metadata (IdentityOf) and its HTTPScaler,
// with keys and items in any order, and means nothing else.
func Identity(spec v1alpha1.HTTPScalerSpec) string {
	if spec.Type == v1alpha1.TriggerEnvoyHTTP {
		return fmt.Sprintf("%s %q %s", spec.Type, spec.Metric.ExternalProxyMetricKey, spec.Metric.Type)
	}
	hosts, prefixes := slices.Sorted(slices.Values(spec.Hosts)), slices.Sorted(slices.Values(spec.PathPrefixes))
	identity := fmt.Sprintf("%s %q %q %s", spec.Type, hosts, prefixes, headersIdentity(spec.Headers))
	if len(spec.Models) > 0 { // that of other triggers is what it was
		identity += fmt.Sprintf(" models %q", slices.Sorted(slices.Values(spec.Models)))
	}
	return identity
}

// IdentityOf is the Identity of metadata as KEDA hands it to its scaler.
func IdentityOf(metadata map[string]string) string {
	r := metadataReader(metadata)
	spec := v1alpha1.HTTPScalerSpec{Type: r.kind, Metric: r.metrics()[0]}
	if spec.Type == v1alpha1.TriggerHTTP {
		spec.Hosts, spec.PathPrefixes, spec.Headers, spec.Models = r.hosts(), r.pathPrefixes(), r.headers(), r.models()
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
			place, words := fmt.Sprintf("%q %q %s", host, prefix, headers), fmt.Sprintf("host %s, path %s", quote(host), quote(prefix))
			if len(spec.Models) == 0 {
				all[place] = words + " and these headers"
			}
			for _, name := range spec.Models {
				all[place+fmt.Sprintf(" model %q", name)] = fmt.Sprintf("%s, model %s and these headers", words, quote(name))
			}
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
