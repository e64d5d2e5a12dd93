{{- define "kedify-gateway.name" -}}
{{- .Values.nameOverride | default "kedify-gateway" -}}
{{- end -}}

{{- define "kedify-gateway.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- /* A Deployment's selector can never change: identity only. */ -}}
{{- define "kedify-gateway.selector" -}}
app.kubernetes.io/name: kedify-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "kedify-gateway.wiringSelector" -}}
app.kubernetes.io/name: kedify-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: wiring
{{- end -}}

{{- define "kedify-gateway.labels" -}}
{{ include "kedify-gateway.selector" . }}
{{ include "kedify-gateway.commonLabels" . }}
{{- end -}}

{{- define "kedify-gateway.wiringLabels" -}}
{{ include "kedify-gateway.wiringSelector" . }}
{{ include "kedify-gateway.commonLabels" . }}
{{- end -}}

{{- define "kedify-gateway.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* Where KEDA reaches the external scaler; admission writes it into triggers. */ -}}
{{- define "kedify-gateway.scalerAddress" -}}
{{- .Values.keda.scalerAddress | default (printf "%s.%s.svc.%s:9090" (include "kedify-gateway.name" .) .Release.Namespace .Values.clusterDomain) -}}
{{- end -}}

{{- /* Whether one proxy serves all namespaces: kedifyProxy.clusterWide or, until 0.2, its former
name sharedProxy. */ -}}
{{- define "kedify-gateway.clusterWide" -}}
{{- $wide := (.Values.kedifyProxy).clusterWide -}}
{{- $former := .Values.sharedProxy -}}
{{- if and (kindIs "bool" $wide) (kindIs "bool" $former) (ne $wide $former) -}}
{{- fail (printf "kedifyProxy.clusterWide is %t and sharedProxy, its former name, is %t: remove sharedProxy (--set sharedProxy=null)." $wide $former) -}}
{{- end -}}
{{- or $wide $former | default false -}}
{{- end -}}

{{- /* The ConfigMap with the values of the Gateways kedify-proxy. */ -}}
{{- define "kedify-gateway.proxyValues" -}}
{{- include "kedify-gateway.name" . }}-proxy-values
{{- end -}}

{{- /* The spec of GatewayParameters from values and from fields of Envoy. */ -}}
{{- define "kedify-gateway.proxySpec" -}}
{{- $spec := deepCopy (.values | default dict) -}}
{{- range $name, $fields := .envoy | default dict -}}
{{- if $fields -}}
{{- $spec = mergeOverwrite $spec (dict "envoy" (dict $name $fields)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{- /* The types that KEDA does not know, in CEL. */ -}}
{{- define "kedify-gateway.types" -}}
['kedify-http', 'kedify-envoy-http']
{{- end -}}

{{- /* Every way to write that address (scaler/trigger/ours.go), as a regular expression. */ -}}
{{- define "kedify-gateway.scalerPattern" -}}
{{- $address := include "kedify-gateway.scalerAddress" . | trimPrefix "dns:///" -}}
{{- $host := regexFind "^[^:]+" $address -}}
{{- $service := regexReplaceAll "^([^.]+\\.[^.]+)\\.svc(\\..*)?$" $host "${1}" -}}
(?i)^(dns:(///)?|passthrough:///)?{{ regexQuoteMeta $service }}{{ if eq (len (splitList "." $service)) 2 }}(\.svc(\.[^:]*)?)?{{ end }}\.?:{{ regexFind "[0-9]+$" $address }}$
{{- end -}}

{{- /* Whether a trigger t is one of this product, in any spelling, in CEL. */ -}}
{{- define "kedify-gateway.productTrigger" -}}
has(t.type) && (t.type in {{ include "kedify-gateway.types" . }} ||
t.type in ['external', 'external-push'] && has(t.metadata) && (
'originalType' in t.metadata && t.metadata.originalType in {{ include "kedify-gateway.types" . }} ||
'scalerAddress' in t.metadata && t.metadata.scalerAddress.matches(r'{{ include "kedify-gateway.scalerPattern" . }}')))
{{- end -}}

{{- /* Whether a trigger t has keys of this product, whatever its address is, in CEL
(scaler/trigger, Lookalikes): admission warns of another address. */ -}}
{{- define "kedify-gateway.lookalike" -}}
has(t.type) && t.type in ['external', 'external-push'] && has(t.metadata) && 'scalingMetric' in t.metadata &&
('hosts' in t.metadata || 'externalProxyMetricKey' in t.metadata)
{{- end -}}

{{- /* Whether the authenticationRef of a trigger t of this product is to be changed, in CEL: to be added
for mutual TLS, or to go without it (scaler/trigger/rewrite.go). */ -}}
{{- define "kedify-gateway.reauthenticated" -}}
{{- if (.Values.keda.tls).enabled -}}
!has(t.authenticationRef)
{{- else -}}
has(t.authenticationRef) && t.authenticationRef.name == '{{ include "kedify-gateway.name" . }}' &&
has(t.authenticationRef.kind) && t.authenticationRef.kind == 'ClusterTriggerAuthentication'
{{- end -}}
{{- end -}}

{{- /* Whether a trigger t is to be rewritten, in CEL. */ -}}
{{- define "kedify-gateway.rewritten" -}}
has(t.type) && t.type in {{ include "kedify-gateway.types" . }} ||
{{ include "kedify-gateway.productTrigger" . }} && {{ include "kedify-gateway.reauthenticated" . }}
{{- end -}}
