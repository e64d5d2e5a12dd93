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

{{- define "kedify-gateway.labels" -}}
{{ include "kedify-gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* Where KEDA reaches our scaler; admission writes it into triggers. */ -}}
{{- define "kedify-gateway.scalerAddress" -}}
{{- .Values.keda.scalerAddress | default (printf "%s.%s.svc.%s:9090" (include "kedify-gateway.name" .) .Release.Namespace .Values.clusterDomain) -}}
{{- end -}}

{{- /* The part of it that every way to write it has: "service.namespace", or the host. */ -}}
{{- define "kedify-gateway.scalerHost" -}}
{{- $host := include "kedify-gateway.scalerAddress" . | trimPrefix "dns:///" | regexFind "^[^:]+" -}}
{{- regexReplaceAll "\\.svc(\\..*)?$" $host "" -}}
{{- end -}}
