module tscert.test/cert-manager

go 1.21

require github.com/cert-manager/cert-manager v1.21.2
