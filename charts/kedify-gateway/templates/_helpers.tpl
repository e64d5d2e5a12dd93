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
