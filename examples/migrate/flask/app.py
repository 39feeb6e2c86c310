"""An endpoint of Flask, as it is before it is moved: gunicorn app:app"""

from flask import Flask, jsonify, request

app = Flask(__name__)
PRICES = {"kr": 4.5, "us": 9.0}


@app.post("/parcels/price")
def price():
    parcel = request.get_json()
    if parcel.get("country") not in PRICES:
        return jsonify(error="country has to be one of kr, us"), 400
    kilograms = parcel.get("kilograms")
    if not isinstance(kilograms, (int, float)) or not 0 < kilograms <= 30:
        return jsonify(error="kilograms has to be a number above 0 and at most 30"), 400
    return jsonify(price=PRICES[parcel["country"]] + 1.25 * kilograms, currency="USD")
