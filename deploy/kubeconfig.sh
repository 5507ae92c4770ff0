#!/bin/sh
# Prints a kubeconfig for Fettle's own account (rbac.yaml) in kubectl's current cluster; its token runs out after a day:
#   (umask 077; sh deploy/kubeconfig.sh > fettle.kubeconfig)
# For trying Fettle from your machine without lending it your own rights. In the cluster the pod has its token by itself.
set -eu

server=$(kubectl config view --minify --raw -o 'jsonpath={.clusters[0].cluster.server}')
authority=$(kubectl config view --minify --raw --flatten -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
name=$(kubectl config view --minify --raw -o 'jsonpath={.clusters[0].name}')
token=$(kubectl --namespace fettle create token fettle --duration 24h)

cat <<EOF
apiVersion: v1
kind: Config
current-context: fettle
clusters:
  - name: "$name"
    cluster: { server: "$server", certificate-authority-data: "$authority" }
users:
  - name: fettle
    user: { token: "$token" }
contexts:
  - name: fettle
    context: { cluster: "$name", user: fettle }
EOF
