package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// maxPageBytes bounds the body of a page: the limit of the vendor's page.
const maxPageBytes = 256 << 10

// resolveReferences looks at everything else that a trigger names: its Secret and ConfigMaps.
func (m *maker) resolveReferences(c *candidate) {
	if c.spec.Type != v1alpha1.TriggerHTTP {
		return
	}
	if c.terminates() {
		m.resolveSecret(c)
	}
	m.resolvePage(c, c.spec.Hold.WaitingPage, "coldStartWaitingPage")
	m.resolvePage(c, c.spec.Maintenance, "maintenancePage")
}

// resolveCounting looks at the proxies that count for the trigger. An Envoy of the user can only where the installation listens.
func (m *maker) resolveCounting(c *candidate) {
	if c.spec.Metric.ExternalProxyMetricKey == "" || m.CountsOthers {
		return
	}
	c.unresolve(ReasonNotCounted, "externalProxyMetricKey: this installation takes no counters of Envoys of yours; "+
		"set externalEnvoys.enabled in the values of its chart. Until then the demand is unknown.")
}

func (m *maker) resolveSecret(c *candidate) {
	key := c.of(c.spec.TLS.SecretName)
	secret := m.Find.Secret(key)
	if secret == nil {
		c.unresolve(ReasonSecretNotFound, fmt.Sprintf(
			"tlsSecretName: Secret %s does not exist; create it, of type kubernetes.io/tls, or correct the name. "+
				"Until then port %d does not serve its hosts.",
			key, portHTTPS))
		return
	}
	for _, name := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(secret.Data[name]) == 0 {
			c.unresolve(ReasonSecretInvalid, fmt.Sprintf("tlsSecretName: Secret %s has no %s; use a Secret of type kubernetes.io/tls.", key, name))
			return
		}
	}
}

// resolvePage checks the ConfigMap of a page. Until it is right the page of the install is
// shown, wholly or in the part that is wrong.
func (m *maker) resolvePage(c *candidate, page v1alpha1.HTTPScalerPage, prefix string) {
	if !page.Enabled || page.ConfigMap == "" {
		return
	}
	field, key := prefix+"ConfigMapRef", c.of(page.ConfigMap)
	config := m.Find.ConfigMap(key)
	if config == nil {
		c.unresolve(ReasonConfigMapNotFound, fmt.Sprintf(
			"%s: ConfigMap %s does not exist; create it or correct the name. "+
				"Until then the default page is shown.", field, key))
		return
	}
	for _, problem := range pageProblems(config.Data, prefix) {
		c.unresolve(ReasonConfigMapInvalid, fmt.Sprintf("%s: ConfigMap %s: %s. Until then the default is used.", field, key, problem))
	}
}

func pageProblems(data map[string]string, prefix string) (problems []string) {
	if size := len(data[prefix+"Body"]); size > maxPageBytes {
		problems = append(problems, fmt.Sprintf("%sBody has %d bytes; use at most %d", prefix, size, maxPageBytes))
	}
	if status, found := data[prefix+"StatusCode"]; found {
		if code, err := strconv.ParseUint(strings.TrimSpace(status), 10, 16); err != nil || code < 200 || code > 599 {
			problems = append(problems, fmt.Sprintf("%sStatusCode %q is not 200 to 599", prefix, status))
		}
	}
	if pause, found := data[prefix+"RetryAfter"]; found && !isPause(strings.TrimSpace(pause)) {
		problems = append(problems, fmt.Sprintf(`%sRetryAfter %q is no number of seconds; write 3 or "3s"`, prefix, pause))
	}
	return problems
}

// isPause accepts seconds with and without a unit, as the vendor's samples write them.
func isPause(text string) bool {
	if _, err := strconv.ParseUint(text, 10, 31); err == nil {
		return true
	}
	pause, err := time.ParseDuration(text)
	return err == nil && pause >= 0
}
