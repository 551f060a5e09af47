module tscert.test/lego5

go 1.26.0

require github.com/go-acme/lego/v5 v5.6.0

require gitlab.com/greyxor/slogor v1.7.1

replace gitlab.com/greyxor/slogor => ./slogor
