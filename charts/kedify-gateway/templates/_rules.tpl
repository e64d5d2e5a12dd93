{{- /* What the controllers may do. Without watchNamespaces all of it is in the ClusterRole, as it stands here. */ -}}
{{- define "kedify-gateway.rules" -}}
# The model: everything that is watched (controllers/store/kinds.go).
- apiGroups: [gateway.networking.k8s.io]
  resources:
  - backendtlspolicies
  - gatewayclasses
  - gateways
  - grpcroutes
  - httproutes
  - listenersets
  - referencegrants
  - tcproutes
  - tlsroutes
  - udproutes
  verbs: [get, list, watch]
- apiGroups: [inference.networking.k8s.io]
  resources: [inferencepools]
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.x-k8s.io]
  resources: [xtelemetrypolicies]
  verbs: [get, list, watch]
# Not served; their status says so.
- apiGroups: [gateway.networking.x-k8s.io]
  resources: [xbackends, xbackendtrafficpolicies]
  verbs: [get, list, watch]
# Of Kubernetes 1.37 on, before behind a feature gate. Every ServiceAccount may read them unless an administrator takes
# the ClusterRoleBinding system:cluster-trust-bundle-discovery away.
- apiGroups: [certificates.k8s.io]
  resources: [clustertrustbundles]
  verbs: [get, list, watch]
- apiGroups: [gateway.kedify.io]
  resources: [gatewayparameters, httpscalers]
  verbs: [get, list, watch]
# From a ScaledObject to what it becomes (controllers/scaledobject). KEDA's CRD and Argo's may
# be missing. The patch is empty: it has admission rewrite objects that were stored before it.
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, patch]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch]
# Objects of other controllers that may lead to an application past the proxies. The CRDs of Istio
# and OpenShift may be missing.
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, list, watch]
- apiGroups: [route.openshift.io]
  resources: [routes]
  verbs: [get, list, watch]
- apiGroups: [gateway.kedify.io]
  resources: [gatewayparameters, httpscalers]
  verbs: [create, patch, delete]
- apiGroups: [gateway.kedify.io]
  resources: [httpscalers/status]
  verbs: [patch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, httproutes, referencegrants, tlsroutes]
  verbs: [create, patch, delete]
# The replicas of targets (controllers/replicas). Deployments are below.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch]
# The safety net: workloads of any kind that KEDA does not wake (scaler/keda).
- apiGroups: ["*"]
  resources: ["*/scale"]
  verbs: [get, update, patch]
# Which version and channel of the Gateway API is installed (controllers/watch/installed.go).
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [namespaces, pods]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# Statuses (controllers/status/kinds.go).
- apiGroups: [gateway.networking.k8s.io]
  resources:
  - backendtlspolicies/status
  - gatewayclasses/status
  - gateways/status
  - grpcroutes/status
  - httproutes/status
  - listenersets/status
  - tcproutes/status
  - tlsroutes/status
  - udproutes/status
  verbs: [update]
- apiGroups: [gateway.networking.x-k8s.io]
  resources: [xbackends/status, xbackendtrafficpolicies/status, xtelemetrypolicies/status]
  verbs: [update]
- apiGroups: [inference.networking.k8s.io]
  resources: [inferencepools/status]
  verbs: [update]
# Data planes, in the namespaces of their Gateways (controllers/infra). Services, Secrets and
# ConfigMaps are part of the model as well; one Secret is for KEDA (keda.tls).
- apiGroups: [""]
  resources: [configmaps, secrets, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
# The reviews that decide whether a caller may read the views of a replica (controllers/access).
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
# Events on the objects of users.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch, update]
{{- if ((.Values.keda).tls).enabled }}
# What events about KEDA's certificate are about (controllers/keda.go).
- apiGroups: [keda.sh]
  resources: [clustertriggerauthentications]
  resourceNames: [{{ include "kedify-gateway.name" . }}]
  verbs: [get]
{{- end }}
{{- if eq (include "kedify-gateway.admission" .) "true" }}
# Our CA in the webhook configurations of the chart (webhook).
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  resourceNames: [{{ include "kedify-gateway.name" . }}]
  verbs: [get, update]
{{- end }}
{{- end -}}

{{- /* The namespaces that are watched, sorted, with a comma between; empty: all of them. That of the installation is among them. */ -}}
{{- define "kedify-gateway.watched" -}}
{{- with .Values.watchNamespaces -}}
{{- if eq (include "kedify-gateway.autowire" $) "true" -}}
{{- fail "watchNamespaces excludes autowire.enabled: autowiring watches and writes objects of all namespaces; set autowire.enabled=false, or leave watchNamespaces empty." -}}
{{- end -}}
{{- $watched := append . $.Release.Namespace | uniq | sortAlpha -}}
{{- range $field := list "namespacedValues" "namespacedEnvoyConfigs" -}}
{{- range $namespace := keys (get ($.Values.kedifyProxy | default dict) $field | default dict) | sortAlpha -}}
{{- if not (has $namespace $watched) -}}
{{- fail (printf "kedifyProxy.%s has the namespace %s, which is not in watchNamespaces: add it there, or remove it." $field $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $watched -}}
{{- end -}}
{{- end -}}

{{- /* The rules about objects of the cluster (cluster: true), or about those of namespaces. */ -}}
{{- define "kedify-gateway.rulesOf" -}}
{{- $scope := .cluster -}}
{{- $ofCluster := list "clustertriggerauthentications" "clustertrustbundles" "customresourcedefinitions" "gatewayclasses" "gatewayclasses/status" "mutatingwebhookconfigurations" "namespaces" "subjectaccessreviews" "tokenreviews" "validatingwebhookconfigurations" -}}
{{- $rules := list -}}
{{- range $rule := include "kedify-gateway.rules" .root | fromYamlArray -}}
{{- $resources := list -}}
{{- range $rule.resources -}}
{{- if eq (has . $ofCluster) $scope -}}
{{- $resources = append $resources . -}}
{{- end -}}
{{- end -}}
{{- with $resources -}}
{{- $rules = append $rules (merge (dict "resources" .) $rule) -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{- /* Admission is about objects of the namespaces that are watched. */ -}}
{{- define "kedify-gateway.watchedSelector" -}}
{{- with include "kedify-gateway.watched" . -}}
namespaceSelector:
  matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: In, values: {{ splitList "," . | toJson }}}
{{- end -}}
{{- end -}}
