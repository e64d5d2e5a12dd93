{{- define "kedify-gateway.name" -}}
{{- .Values.nameOverride | default "kedify-gateway" -}}
{{- end -}}

{{- /* A digest decides, and a tag beside it is for people. */ -}}
{{- define "kedify-gateway.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- .repository }}{{ with .tag }}:{{ . }}{{ end }}@{{ .digest -}}
{{- else -}}
{{- .repository }}:{{ .tag | default $.Chart.AppVersion -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kedify-gateway.pullPolicy" -}}
{{- .Values.image.pullPolicy | default "IfNotPresent" -}}
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

{{- /* Labels of an object that a monitoring system finds by labels: (list $ extra). */ -}}
{{- define "kedify-gateway.monitoringLabels" -}}
{{- $own := include "kedify-gateway.labels" (index . 0) | fromYaml -}}
{{- toYaml (merge $own (index . 1 | default dict)) -}}
{{- end -}}

{{- define "kedify-gateway.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Labels of the Pods of a component, each key once; the schema keeps the chart's own out of podLabels. */ -}}
{{- define "kedify-gateway.podLabels" -}}
{{- toYaml (mergeOverwrite (include .labels .root | fromYaml) (.root.Values.podLabels | default dict)) -}}
{{- end -}}

{{- define "kedify-gateway.unwireLabels" -}}
app.kubernetes.io/name: kedify-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: unwire
{{ include "kedify-gateway.commonLabels" . }}
{{- end -}}

{{- define "kedify-gateway.testLabels" -}}
app.kubernetes.io/name: kedify-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{ include "kedify-gateway.commonLabels" . }}
{{- end -}}

{{- /* What the Pods of all components have in common. */ -}}
{{- define "kedify-gateway.pod" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Where the Pods of the controllers go: apart from one another, unless the values say otherwise. An entry without
a labelSelector is about these Pods. */ -}}
{{- define "kedify-gateway.topologySpread" -}}
{{- $ours := dict "labelSelector" (dict "matchLabels" (include "kedify-gateway.selector" . | fromYaml)) "matchLabelKeys" (list "pod-template-hash") -}}
{{- $spread := .Values.topologySpreadConstraints -}}
{{- if not (kindIs "slice" $spread) -}}
{{- $spread = list -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- $spread = append $spread (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- end -}}
{{- $all := list -}}
{{- range $spread -}}
{{- $all = append $all (ternary . (merge (deepCopy .) $ours) (hasKey . "labelSelector")) -}}
{{- end -}}
{{- with $all -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{- /* The ServiceAccount of a component: .account is its block of values, .name what the chart calls it. */ -}}
{{- define "kedify-gateway.accountOf" -}}
{{- $account := .account | default dict -}}
{{- if and (eq ($account.create | toString) "false") (not $account.name) -}}
{{- fail (printf "%s.create is false, and %s.name names no ServiceAccount that exists: the roles of the chart would go to the default one of the namespace." .path .path) -}}
{{- end -}}
{{- $account.name | default .name -}}
{{- end -}}

{{- define "kedify-gateway.account" -}}
{{- include "kedify-gateway.accountOf" (dict "account" .Values.serviceAccount "path" "serviceAccount" "name" (include "kedify-gateway.name" .)) -}}
{{- end -}}

{{- define "kedify-gateway.wiringAccount" -}}
{{- include "kedify-gateway.accountOf" (dict "account" (.Values.autowire).serviceAccount "path" "autowire.serviceAccount" "name" (printf "%s-wiring" (include "kedify-gateway.name" .))) -}}
{{- end -}}

{{- /* A switch, "true" or "false": the default unless set, also where its block is null. */ -}}
{{- define "kedify-gateway.switch" -}}
{{- $block := .block | default dict -}}
{{- ternary (get $block .key) .default (kindIs "bool" (get $block .key)) -}}
{{- end -}}

{{- define "kedify-gateway.autowire" -}}
{{- include "kedify-gateway.switch" (dict "block" .Values.autowire "key" "enabled" "default" true) -}}
{{- end -}}

{{- define "kedify-gateway.admission" -}}
{{- include "kedify-gateway.switch" (dict "block" .Values.admission "key" "enabled" "default" true) -}}
{{- end -}}

{{- define "kedify-gateway.className" -}}
{{- (.Values.gatewayClass).name | default "kedify" -}}
{{- end -}}

{{- define "kedify-gateway.logging" -}}
- --log-format={{ (.Values.log).format | default "json" }}
- --log-level={{ (.Values.log).level | default "info" }}
{{- end -}}

{{- /* Where KEDA reaches the external scaler; admission writes it into triggers. */ -}}
{{- define "kedify-gateway.scalerAddress" -}}
{{- (.Values.keda).scalerAddress | default (printf "%s.%s.svc.%s:9090" (include "kedify-gateway.name" .) .Release.Namespace (.Values.clusterDomain | default "cluster.local")) -}}
{{- end -}}

{{- /* Whether one proxy serves all namespaces: kedifyProxy.clusterWide or, until 0.2, its former
name sharedProxy. */ -}}
{{- define "kedify-gateway.clusterWide" -}}
{{- include "kedify-gateway.renamed" (dict "value" (.Values.kedifyProxy).clusterWide "name" "kedifyProxy.clusterWide" "former" .Values.sharedProxy "formerName" "sharedProxy") -}}
{{- end -}}

{{- /* Whether Envoys that users run may count: externalEnvoys.enabled or, until 0.2, its former name
metricsService.enabled. */ -}}
{{- define "kedify-gateway.externalEnvoys" -}}
{{- include "kedify-gateway.renamed" (dict "value" (.Values.externalEnvoys).enabled "name" "externalEnvoys.enabled" "former" (.Values.metricsService).enabled "formerName" "metricsService.enabled") -}}
{{- end -}}

{{- /* A switch that had another name: either, and an error where they differ. */ -}}
{{- define "kedify-gateway.renamed" -}}
{{- if and (kindIs "bool" .value) (kindIs "bool" .former) (ne .value .former) -}}
{{- fail (printf "%s is %t and %s, its former name, is %t: remove %s (--set %s=null)." .name .value .formerName .former .formerName .formerName) -}}
{{- end -}}
{{- or .value .former | default false -}}
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

{{- /* Whether a trigger t has keys of this product, at any address, in CEL
(scaler/trigger, Lookalikes): admission warns of another address. */ -}}
{{- define "kedify-gateway.lookalike" -}}
has(t.type) && t.type in ['external', 'external-push'] && has(t.metadata) &&
('scalingMetric' in t.metadata || 'scalingMetrics' in t.metadata) &&
('hosts' in t.metadata || 'externalProxyMetricKey' in t.metadata)
{{- end -}}

{{- /* Whether the authenticationRef of a trigger t of this product is to be changed, in CEL: to be added
for mutual TLS, or to go without it (scaler/trigger/rewrite.go). */ -}}
{{- define "kedify-gateway.reauthenticated" -}}
{{- if ((.Values.keda).tls).enabled -}}
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

{{/* Whether the chart has the Pod of `helm test`: doctor reads all namespaces. */}}
{{- define "kedify-gateway.tested" -}}
{{- if and (eq (include "kedify-gateway.switch" (dict "block" .Values.helmTest "key" "enabled" "default" true)) "true") (not (include "kedify-gateway.watched" .)) }}true{{ end }}
{{- end }}
