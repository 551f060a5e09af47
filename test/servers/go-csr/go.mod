module tscert.test/go-csr
go 1.26
