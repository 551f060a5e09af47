// What Go's reader, and so the API server, sees in requests: a line of base64 (DER) in, a line of JSON out.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
)

type view struct {
	Error      string              `json:"error,omitempty"`
	CommonName string              `json:"commonName"`
	Serial     string              `json:"serialNumber"`
	Subject    map[string][]string `json:"subject"`
	DNS        []string            `json:"dns"`
	IP         []string            `json:"ip"`
	Email      []string            `json:"email"`
	URI        []string            `json:"uri"`
}

func read(der []byte) view {
	csr, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return view{Error: err.Error()}
	}
	name := csr.Subject
	seen := view{
		CommonName: name.CommonName,
		Serial:     name.SerialNumber,
		Subject: map[string][]string{
			"2.5.4.6": name.Country, "2.5.4.7": name.Locality, "2.5.4.8": name.Province, "2.5.4.9": name.StreetAddress,
			"2.5.4.10": name.Organization, "2.5.4.11": name.OrganizationalUnit, "2.5.4.17": name.PostalCode,
		},
		DNS:   csr.DNSNames,
		Email: csr.EmailAddresses,
	}
	for _, ip := range csr.IPAddresses {
		seen.IP = append(seen.IP, ip.String())
	}
	for _, uri := range csr.URIs {
		seen.URI = append(seen.URI, uri.String())
	}
	return seen
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		der, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			panic(err)
		}
		if err := encoder.Encode(read(der)); err != nil {
			panic(err)
		}
	}
}
