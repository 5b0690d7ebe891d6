#!/bin/sh
# Runs once, while the image is built.
set -eu
test -r /root/.aws/credentials
mkdir -p /srv/orderdesk/www /srv/orderdesk/data
echo "orderdesk $1" > /srv/orderdesk/VERSION
mv /srv/orderdesk/index.html /srv/orderdesk/www/index.html
mv /srv/orderdesk/cgi-bin /srv/orderdesk/www/cgi-bin
ln -s ../VERSION /srv/orderdesk/www/version.txt
echo 'number,customer,total' > /srv/orderdesk/data/orders.csv
chown -R orderdesk:orderdesk /srv/orderdesk/data
