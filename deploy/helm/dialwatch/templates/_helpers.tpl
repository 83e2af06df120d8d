{{- define "dialwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dialwatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "dialwatch.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dialwatch.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes of a release: a Deployment cannot change its selector. */}}
{{- define "dialwatch.selector" -}}
app.kubernetes.io/name: {{ include "dialwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels of an object: (list $ further). The chart's own cannot be overridden. */}}
{{- define "dialwatch.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "dialwatch.selector" $root | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $own (index . 1) $root.Values.commonLabels) -}}
{{- end -}}

{{/* The labels of a pod: no versions, or each new chart would replace every pod. */}}
{{- define "dialwatch.podLabels" -}}
{{- toYaml (merge (include "dialwatch.selector" . | fromYaml) .Values.podLabels .Values.commonLabels) -}}
{{- end -}}

{{- define "dialwatch.serviceAccount" -}}
{{- default (ternary (include "dialwatch.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "dialwatch.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The configuration, with what only the chart knows where it is not set. */}}
{{- define "dialwatch.config" -}}
{{- $kafka := .Values.config.kafka | default dict -}}
{{- $servers := required "config.kafka.bootstrap_servers must be set, such as kafka-bootstrap.kafka:9092" $kafka.bootstrap_servers -}}
{{- if hasKey $kafka "group_instance_id" -}}
{{- fail "config.kafka.group_instance_id cannot be set here: every pod would have the same, and they would push each other out of the group" -}}
{{- end -}}
{{- $http := dict "listen" "0.0.0.0:9664" -}}
{{- $privacy := dict -}}
{{- if .Values.secrets.httpToken.secretName -}}
{{- $_ := set $http "token_file" "/run/secrets/http/token" -}}
{{- end -}}
{{- if .Values.secrets.pseudonymKey.secretName -}}
{{- $_ := set $privacy "pseudonym_key_file" "/run/secrets/pseudonym/key" -}}
{{- end -}}
{{- toYaml (merge (deepCopy .Values.config) (dict "http" $http) (ternary (dict) (dict "privacy" $privacy) (empty $privacy))) -}}
{{- end -}}
