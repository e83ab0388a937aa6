import numpy as np
from plugin.coins import draw_coins, find_coins
from skimage.draw import disk


def test_separate_and_touching_coins_are_found_and_drawn():
    image = np.full((300, 400), 60, np.uint8)
    for centre in ((80, 80), (200, 100), (200, 158), (90, 300)):
        image[disk(centre, 30)] = 200

    coins = find_coins(image)

    assert [(round(coin.x, -1), round(coin.y, -1)) for coin in coins] == [(80, 80), (300, 90), (100, 200), (160, 200)]
    assert all(50 <= coin.diameter <= 66 for coin in coins)
    assert draw_coins(image, coins).shape == (300, 400, 3)


def test_nothing_is_found_where_nothing_is():
    assert find_coins(np.full((100, 100, 3), 128, np.uint8)) == []
